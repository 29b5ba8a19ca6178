package egress_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/egress"
	"github.com/topcentral/spillway/providers/openai"
	"github.com/topcentral/spillway/tasks"
)

// server returns a server that answers every chat, and the bodies that it was sent.
func server(t *testing.T) (url string, bodies *[]string) {
	t.Helper()
	bodies = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*bodies = append(*bodies, string(body))
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"{\"a\":1}"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

// provider returns a provider of OpenAI's dialect whose client records with record.
func provider(url string, record egress.Appender) providers.Provider {
	client := &http.Client{Transport: egress.Transport(http.DefaultTransport, record)}
	return openai.New(openai.Config{Name: "kimi", BaseURL: url}, client)
}

func TestEveryRequestHasALineOfWhatIsSent(t *testing.T) {
	url, bodies := server(t)
	var lines []tasks.Egress
	p := egress.Wrap(provider(url, func(_ context.Context, e tasks.Egress) error {
		if len(*bodies) != len(lines) {
			t.Error("the request was sent before it was recorded")
		}
		lines = append(lines, e)
		return nil
	}), func() tasks.Egress {
		return tasks.Egress{Tenant: "acme", Job: "job_1", Privacy: tasks.Masked, Masked: map[string]int{"person": 2}}
	})
	req := &providers.Request{Model: "kimi-k2", Messages: []providers.Message{{Role: providers.User, Content: "hello"}}}
	if _, err := p.Generate(t.Context(), req, func(providers.Delta) {}); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || len(*bodies) != 1 {
		t.Fatalf("%d lines for %d requests", len(lines), len(*bodies))
	}
	digest := sha256.Sum256([]byte((*bodies)[0]))
	got := lines[0]
	if got.Tenant != "acme" || got.Provider != "kimi" || got.Model != "kimi-k2" || "http://"+got.Host != url || got.Masked["person"] != 2 ||
		got.Bytes != int64(len((*bodies)[0])) || got.SHA256 != hex.EncodeToString(digest[:]) {
		t.Errorf("got %+v for the body %s", got, (*bodies)[0])
	}
}

// What cannot be recorded, and what nobody says for whom it is, stays here; and the
// provider is not blamed for it.
func TestWhatIsNotRecordedIsNotSent(t *testing.T) {
	url, bodies := server(t)
	none := errors.New("READONLY")
	for name, p := range map[string]providers.Provider{
		"the ledger cannot be written": egress.Wrap(provider(url, func(context.Context, tasks.Egress) error { return none }), func() tasks.Egress { return tasks.Egress{Job: "job_1"} }),
		"for no job":                   provider(url, func(context.Context, tasks.Egress) error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := breaker.DefaultConfig()
			cfg.Failures = 1
			guard := breaker.New(cfg, slog.New(slog.DiscardHandler))
			router := providers.NewRouter(slog.New(slog.DiscardHandler), guard)
			var outcomes []string
			route := &providers.Route{
				Candidates: []providers.Candidate{{Provider: p, Model: "kimi-k2"}},
				Request:    providers.Request{Messages: []providers.Message{{Role: providers.User, Content: "hello"}}},
				Check:      func(out json.RawMessage) (json.RawMessage, error) { return out, nil },
				OnDelta:    func(providers.Candidate, providers.Delta) {},
				OnAttempt: func(a providers.Attempt) {
					if a.Called {
						t.Errorf("counted as called: %+v", a)
					}
					outcomes = append(outcomes, a.Outcome)
				},
			}
			for range 3 {
				if _, err := router.Run(t.Context(), route); err == nil {
					t.Error("no error")
				}
			}
			for _, o := range outcomes {
				if o != tasks.OutcomeNotRecorded {
					t.Errorf("got outcomes %v, want only %s", outcomes, tasks.OutcomeNotRecorded)
				}
			}
			if len(outcomes) == 0 || len(*bodies) > 0 {
				t.Errorf("%d outcomes, %d requests were sent", len(outcomes), len(*bodies))
			}
		})
	}
}

// A list of models takes nothing away.
func TestRequestsWithoutABodyNeedNoLine(t *testing.T) {
	url, bodies := server(t)
	client := &http.Client{Transport: egress.Transport(http.DefaultTransport, func(context.Context, tasks.Egress) error {
		t.Error("recorded")
		return nil
	})}
	resp, err := client.Get(url + "/models")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(*bodies) != 1 {
		t.Error("it was not sent")
	}
}
