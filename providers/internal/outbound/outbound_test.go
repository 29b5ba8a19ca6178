package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is an error of a time limit.
type slow struct{}

func (slow) Error() string   { return "too slow" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return true }

func TestClassify(t *testing.T) {
	call := func(err error) error {
		return &url.Error{Op: "Post", URL: "http://user:pass@mac.local:11434/api/chat?key=hidden", Err: err}
	}
	for _, c := range []struct {
		name  string
		err   error
		class providers.Class
		says  string
	}{
		{"refused", call(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), "transport", "cannot reach mac.local:11434"},
		{"slow to connect", call(&net.OpError{Op: "dial", Err: slow{}}), "transport", ""},
		{"slow to answer", call(slow{}), "timeout", ""},
		{"cut off", io.ErrUnexpectedEOF, "transport", "connection closed"},
		{"cut off before a byte", call(io.EOF), "transport", "connection closed"},
		{"has a class", fmt.Errorf("read: %w", providers.Errorf(providers.ClassServer, "too long")), "server", "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := outbound.Classify(t.Context(), c.err)
			if got.Class != c.class || !strings.Contains(got.Message, c.says) {
				t.Errorf("got %v, want %q and %q", got, c.class, c.says)
			}
			if strings.Contains(got.Message, "hidden") || strings.Contains(got.Message, "pass") {
				t.Errorf("%q shows the query or the password", got.Message)
			}
		})
	}
	why := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if got := outbound.Classify(ctx, io.EOF); got.Class != providers.ClassCanceled || !errors.Is(got, why) {
		t.Errorf("an ended context comes first: %v", got)
	}
}

func TestDoLeavesTheConnectionUsable(t *testing.T) {
	var mu sync.Mutex
	connections := make(map[string]bool)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
	}))
	defer s.Close()
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := outbound.Do(s.Client(), req, outbound.MaxAnswer)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 5) // the rest is drained
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(connections) != 1 {
		t.Errorf("%d connections, want 1", len(connections))
	}
}

func TestCloseDoesNotWaitForAServerThatHoldsTheLine(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "all there is")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := outbound.Do(s.Client(), req, outbound.MaxAnswer)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_ = resp.Body.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"one line", "a\n\tb  c", "a b c"},
		{"a known secret", "key 0123-4567!", "key [redacted]!"},
		{"the shape of a key", "key sk-abcdefgh, token Bearer abc.def-123", "key [redacted], token [redacted]"},
		{"ordinary words", "the risk-adjusted key figures", "the risk-adjusted key figures"},
		{"not UTF-8", "a\xffb", "ab"},
		{"long", strings.Repeat("长", 200), strings.Repeat("长", 100) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outbound.Clean(c.text, providers.NewSecret("0123-4567"), providers.Secret{}); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRetryAfterReadsDates(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value string
		want  time.Duration
	}{
		{"Sun, 01 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"Sun, 01 Nov 2026 11:00:00 GMT", 0},
		{"Sun, 01 Nov 2099 12:00:00 GMT", 0},
	} {
		if got := outbound.RetryAfter(providers.ClassOverloaded, http.Header{"Retry-After": {c.value}}, "", now); got != c.want {
			t.Errorf("%s: %v, want %v", c.value, got, c.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7", "6m0s", "try again in 20s")
	f.Add("NaN", "1e308", "try again after 1..2 ms")
	f.Fuzz(func(t *testing.T, header, reset, message string) {
		h := http.Header{"Retry-After": {header}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Reset-Tokens": {reset}}
		if got := outbound.RetryAfter(providers.ClassRateLimited, h, message, time.Unix(0, 0)); got < 0 || got > 24*time.Hour {
			t.Errorf("%v", got)
		}
	})
}

func TestNamedWait(t *testing.T) {
	now := time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"Please try again in 6m0s.":                           6 * time.Minute,
		"Please try again in 1h2m3.5s":                        time.Hour + 2*time.Minute + 3500*time.Millisecond,
		"Please try again in 20ms":                            20 * time.Millisecond,
		"please try again after 1 seconds":                    time.Second,
		"Please retry in 18.4s.":                              18400 * time.Millisecond,
		"try again in 5 minutes":                              5 * time.Minute,
		"resets in 2 hours":                                   2 * time.Hour,
		"请在 20 秒后重试":                                          20 * time.Second,
		"请 5 分钟后再试":                                           5 * time.Minute,
		"您的限额将在 2026-12-01 09:57:30 重置。":                      57*time.Minute + 30*time.Second,
		"limit resets at 2026-12-01T01:10:00Z":                10 * time.Minute,
		"limit resets at 2026-12-01 02:10:00 +01:00":          10 * time.Minute,
		"available again after 2026-12-01 01:10 UTC":          10 * time.Minute,
		"您的限额将在 2026-11-30 09:57:30 重置。":                      0,
		"您的限额将在 2027-12-01 09:57:30 重置。":                      0,
		"the request of 2026-12-01 01:10:00 was not accepted": 0,
		"try again later":                                     0,
	} {
		if got := outbound.NamedWait(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestRetryAfterInEverySpelling(t *testing.T) {
	now := time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second},
		{"Retry-After", "1.5", 1500 * time.Millisecond},
		{"Retry-After", "6m0s", 6 * time.Minute},
		{"Retry-After", "Tue, 01 Dec 2026 01:01:00 GMT", time.Minute},
		{"Retry-After", "2026-12-01T01:01:00Z", time.Minute},
		{"X-Ratelimit-Reset", "1796086860", time.Minute},
		{"X-Ratelimit-Reset", "1796086860000", time.Minute},
		{"X-Ratelimit-Reset", "1796086000", 0},
		{"X-Ratelimit-Reset", "3", 3 * time.Second},
		{"Ratelimit-Reset", "30", 30 * time.Second},
		{"X-Ratelimit-Reset-Tokens", "1m30s", 90 * time.Second},
		{"Retry-After", "1e99", 0},
		{"Retry-After", "soon", 0},
	} {
		h := http.Header{}
		h.Set(c.name, c.value)
		if got := outbound.RetryAfter(providers.ClassRateLimited, h, "", now); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.name, c.value, got, c.want)
		}
	}
}

// TestErrorsNameTheProxy calls a server that can only be reached through a proxy
// that is not there, and one that answers for the server.
func TestErrorsNameTheProxy(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer gateway.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	call := func(proxy string) (*http.Response, error) {
		via, _ := url.Parse(proxy)
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), DisableKeepAlives: true}}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://model.invalid/v1", http.NoBody)
		return outbound.Do(client, req, outbound.MaxAnswer)
	}
	_, err := call(gone.URL) //nolint:bodyclose // there is none
	if err == nil || !strings.Contains(err.Error(), "through the HTTP proxy "+strings.TrimPrefix(gone.URL, "http://")) {
		t.Errorf("got %v", err)
	}
	resp, err := call(gateway.URL) //nolint:bodyclose // ReadFailure closes it
	if err != nil {
		t.Fatal(err)
	}
	r, err := outbound.ReadFailure(t.Context(), resp)
	if err != nil {
		t.Fatal(err)
	}
	if e := r.Complete(providers.Errorf(providers.ClassServer, "no reason")); !strings.Contains(e.Message, "through the HTTP proxy") || e.Status != http.StatusBadGateway {
		t.Errorf("got %v", e)
	}
}
