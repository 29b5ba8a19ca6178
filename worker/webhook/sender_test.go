package webhook

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestDeliverPostsASignedWebhook(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(vector)
	if err != nil {
		t.Fatal(err)
	}
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the reference library refuses the webhook: %v", err)
		}
		if r.Method != http.MethodPost || r.URL.String() != "/hook?token=x" {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
		for name, want := range map[string]string{
			"webhook-id": "evt_1_4", "Content-Type": "application/json", "Accept-Encoding": "", "Cookie": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
	})
	c := newSender(t)
	for range 2 { // the second without the cookie of the first
		o := c.Deliver(t.Context(), Delivery{ID: "evt_1_4", Secrets: signs, URL: url + "/hook?token=x", Body: []byte(`{"标题":"商机"}`)})
		if o.Class != Delivered || o.Status != 200 {
			t.Errorf("got %+v", o)
		}
	}
}

func TestDeliverClassesEveryStatus(t *testing.T) {
	const asks = "120"
	var status int
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("a redirect was followed")
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", asks)
		w.WriteHeader(status)
	})
	c := newSender(t)
	for status = 200; status < 600; status++ {
		want := Outcome{Class: Rejected, Status: status, RetryAfter: 2 * time.Minute}
		switch {
		case status < 300:
			want = Outcome{Class: Delivered, Status: status}
		case status == 410:
			want = Outcome{Class: Gone, Status: status}
		}
		got := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: url, Body: []byte("{}")})
		if got.Took = 0; got != want {
			t.Errorf("status %d: got %+v, want %+v", status, got, want)
		}
	}
}

func TestDeliverFollowsNoRedirectInside(t *testing.T) {
	for _, target := range []string{"http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "file:///etc/passwd"} {
		url := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", target)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		got := newSender(t).Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: url, Body: []byte("{}")})
		if got.Class != Rejected || got.Status != http.StatusTemporaryRedirect {
			t.Errorf("redirect to %s: got %+v", target, got)
		}
	}
}

func TestDeliverRefusesWhatThePolicyForbids(t *testing.T) {
	url := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	c := newSender(t, func(cfg *Config) { cfg.Policy = Policy{} })
	if got := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: url}).Class; got != Forbidden {
		t.Errorf("got %s, want %s", got, Forbidden)
	}
}

func TestDeliverWhenNobodyListens(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	o := newSender(t).Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: srv.URL + "/?token=hush"})
	if o.Class != Unreachable || o.Status != 0 {
		t.Errorf("got %+v", o)
	}
	if o.cause == nil || strings.Contains(o.cause.Error(), "hush") {
		t.Errorf("the cause for the log quotes the URL: %v", o.cause)
	}
}

func TestDeliverIsInterruptedByShutdown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees a closed connection only once the body is read
		cancel()
		<-r.Context().Done()
	})
	if got := newSender(t).Deliver(ctx, Delivery{ID: "evt_1_1", Secrets: signs, URL: url, Body: []byte("{}")}).Class; got != Interrupted {
		t.Errorf("got %s, want %s", got, Interrupted)
	}
}

// A receiver that hangs holds the slots of its route and no more.
func TestDeliverLimitsEachHost(t *testing.T) {
	const share = 2
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := receiver(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	healthy := receiver(t, func(http.ResponseWriter, *http.Request) {})
	c := newSender(t, func(cfg *Config) { cfg.PerHost = share * slowShare })
	deliver := func(tenant, url string) Outcome {
		return c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, Tenant: tenant, URL: url, Body: []byte("{}")})
	}
	outcomes := make(chan Class, share)
	for range share {
		go func() { outcomes <- deliver("acme", slow).Class }()
	}
	for range share {
		<-arrived
	}
	if got := deliver("acme", slow); got.Class != Busy || got.Later < busySoonest {
		t.Errorf("beyond the share: got %+v, want %s", got, Busy)
	}
	for _, tenant := range []string{"acme", "other"} {
		if got := deliver(tenant, healthy).Class; got != Delivered {
			t.Errorf("another host, for %s: got %s, want %s", tenant, got, Delivered)
		}
	}
	go func() { outcomes <- deliver("other", slow).Class }()
	<-arrived // another tenant at the same host has slots of its own
	close(release)
	for range share + 1 {
		if got := <-outcomes; got != Delivered {
			t.Errorf("within the share: got %s, want %s", got, Delivered)
		}
	}
	if c.limiter.busy != 0 {
		t.Errorf("still counted: %v", c.limiter.tenants)
	}
}

func TestDeliverKeepsConnections(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thanks") }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := newSender(t)
	deliver := func() {
		t.Helper()
		if o := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: srv.URL, Body: []byte("{}")}); o.Class != Delivered || o.Answer != "thanks" {
			t.Errorf("got %+v", o)
		}
	}
	for range 5 {
		deliver()
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("%d connections for five deliveries", got)
	}
	// The receiver closes what it has kept, as receivers do at any time: that is
	// no failed try.
	srv.CloseClientConnections()
	for range 5 {
		deliver()
	}
}

func TestConfigValidateTellsEverything(t *testing.T) {
	_, err := NewSender(Config{PerTenant: -1, PerHost: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two problems, got: %v", err)
	}
	if o := newSender(t).Deliver(t.Context(), Delivery{ID: "evt_1_1", URL: "https://hooks.example.com/"}); o.Class != Unsigned {
		t.Errorf("without a secret: got %+v", o)
	}
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		"120":                              2 * time.Minute,
		"-5":                               0,
		"1.5":                              0,
		"soon":                             0,
		"99999999999999999999":             maxWait,
		"Sat, 21 Nov 2026 09:31:00 GMT":    time.Minute,
		"Sat, 21 Nov 2026 09:29:00 GMT":    0,
		"Saturday, 21-Nov-26 09:30:30 GMT": 30 * time.Second,
	}
	for value, want := range tests {
		if got := retryAfter(value, ended); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sat, 21 Nov 2026 09:31:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(value, ended); got < 0 {
			t.Errorf("%q: got %v", value, got)
		}
	})
}
