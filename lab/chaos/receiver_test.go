//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/lab/history"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestReceiverNotesWhatComes(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{cfg: testConfig(t), log: history.NewLog()}
	w.log.Begin(&history.Job{Marker: marker(1)})
	receiver := &receiver{w: w, verifier: verifier, seen: map[string]int{}}
	send := func(path, body string, sign bool) {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		now := time.Now()
		signature := "v1,AAAA"
		if sign {
			if signature, err = verifier.Sign("evt_1", now, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		r.Header.Set("webhook-id", "evt_1")
		r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("webhook-signature", signature)
		receiver.ServeHTTP(httptest.NewRecorder(), r)
	}
	const body = `{"type":"job.succeeded","data":{"id":"job_1"}}`
	send("/"+marker(1), body, true)
	send("/"+marker(1), body, false)
	send("/"+marker(1), "nonsense", true)
	send("/nobody", body, true)

	w.log.Change(func(h *history.History) {
		got := h.Jobs[marker(1)].Webhooks
		if len(got) != 3 || len(h.Strays) != 1 {
			t.Fatalf("got %d webhooks and %d strays, want 3 and 1", len(got), len(h.Strays))
		}
		if d := got[0]; d.Fault != "" || d.ID != "evt_1" || d.JobID != "job_1" || d.Type != "job.succeeded" {
			t.Errorf("a good one: %+v", d)
		}
		if !strings.HasPrefix(got[1].Fault, "signature") || !strings.HasPrefix(got[2].Fault, "body") {
			t.Errorf("bad ones: %q and %q", got[1].Fault, got[2].Fault)
		}
		if got[1].Answered != http.StatusNoContent {
			t.Errorf("the second time it is taken: got %d", got[1].Answered)
		}
	})
}
