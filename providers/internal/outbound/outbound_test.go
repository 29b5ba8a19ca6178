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

func TestFault(t *testing.T) {
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
		{"cut off", io.ErrUnexpectedEOF, "transport", "cut off"},
		{"cut off before a byte", call(io.EOF), "transport", "cut off"},
		{"has a class", fmt.Errorf("read: %w", providers.Errorf(providers.ClassServer, "too long")), "server", "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := outbound.Fault(t.Context(), c.err)
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
	if got := outbound.Fault(ctx, io.EOF); got.Class != providers.ClassCanceled || !errors.Is(got, why) {
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
