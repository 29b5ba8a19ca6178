package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

func TestTheLogOfDeliveriesIsPaged(t *testing.T) {
	ring := newKeyring(t, access.Config{})
	h := newAPI(t, Config{Guard: ring.guard}, newMemory().deps())
	key := ring.bearer(t, "acme", access.WebhooksRead)
	first := do(t, h, "GET", "/webhooks/deliveries?outcome=timeout&limit=1", "", "Authorization", key)
	if first.Code != http.StatusOK {
		t.Fatalf("got %d %s", first.Code, first.Body)
	}
	next, ok := strings.CutSuffix(first.Header().Get("Link"), `>; rel="next"`)
	if next = strings.TrimPrefix(next, "<"); !ok || !strings.Contains(next, "outcome=timeout") || !strings.Contains(next, "limit=1") {
		t.Fatalf("Link: %q", first.Header().Get("Link"))
	}
	last := do(t, h, "GET", next, "", "Authorization", key)
	if last.Code != http.StatusOK || last.Header().Get("Link") != "" {
		t.Errorf("the last page: %d, Link %q", last.Code, last.Header().Get("Link"))
	}
	for _, query := range []string{"limit=0x", "limit=101", "limit=-1", "outcome=bad", "job=4711"} {
		if w := do(t, h, "GET", "/webhooks/deliveries?"+query, "", "Authorization", key); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d", query, w.Code)
		}
	}
}

func TestAnotherTenantsEndpointIsNone(t *testing.T) {
	ring := newKeyring(t, access.Config{})
	h := newAPI(t, Config{Guard: ring.guard}, newMemory().deps())
	key := ring.bearer(t, "other", access.WebhooksRead, access.WebhooksWrite)
	for _, ask := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"PATCH", "", "{}"}, {"DELETE", "", ""}, {"POST", "/rotate", "{}"}, {"POST", "/test", ""},
		{"POST", "/recover", `{"since":"2026-11-20T00:00:00Z"}`},
	} {
		theirs := do(t, h, ask.method, "/webhooks/endpoints/"+fakeEndpoint+ask.path, ask.body, "Authorization", key)
		none := do(t, h, ask.method, "/webhooks/endpoints/ep_0"+ask.path, ask.body, "Authorization", key)
		if theirs.Code != http.StatusNotFound || without(theirs) != without(none) {
			t.Errorf("%s %s: got %d %s, want what one that does not exist gets: %s", ask.method, ask.path, theirs.Code, theirs.Body, none.Body)
		}
	}
}

func TestWithoutWebhooksTheyAreRefusedAndSayWhy(t *testing.T) {
	deps := newMemory().deps()
	deps.Webhooks = nil
	w := do(t, newAPI(t, Config{}, deps), "GET", "/webhooks/endpoints", "")
	if p := decode[httpx.Problem](t, w); w.Code != http.StatusConflict || p.Code != tasks.CodeConflict || !strings.Contains(p.Detail, "SPILLWAY_WEBHOOK_SECRET") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestAWholeNumberMayBeWrittenInAnyWay(t *testing.T) {
	ring := newKeyring(t, access.Config{})
	h := newAPI(t, Config{Guard: ring.guard}, newMemory().deps())
	key := ring.bearer(t, "acme", access.WebhooksWrite)
	for body, want := range map[string]int{`60`: 200, `60.0`: 200, `6e1`: 200, `0.0`: 200, `0.5`: 400, `604801`: 400} {
		w := do(t, h, "POST", "/webhooks/endpoints/"+fakeEndpoint+"/rotate", `{"overlap_seconds":`+body+`}`, "Authorization", key)
		if w.Code != want {
			t.Errorf("%s: got %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
}

// hanging is Webhooks that never answer.
type hanging struct{ fakeWebhooks }

func (hanging) Endpoints(ctx context.Context, _ string) ([]*tasks.Endpoint, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestWebhooksThatHangAreToldInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deps := newMemory().deps()
		deps.Webhooks = hanging{}
		began := time.Now()
		w := do(t, newAPI(t, Config{RequestTimeout: 3 * time.Second}, deps), "GET", "/webhooks/endpoints", "")
		if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took != 3*time.Second {
			t.Errorf("got %d after %v, want 503 after 3 s", w.Code, took)
		}
	})
}
