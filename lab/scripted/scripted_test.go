package scripted_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/scripted"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play starts a server that does act in every call, and returns the providers
// that call it, by lane, and the calls that it tells of.
func play(t *testing.T, act scripted.Act) (map[string]providers.Provider, <-chan scripted.Call) {
	t.Helper()
	calls := make(chan scripted.Call, 8)
	server := httptest.NewServer(scripted.New(scripted.Config{
		Marker: regexp.MustCompile(`job-\d+`),
		Script: func(string, int) scripted.Act { return act },
		Answer: `{"score":7}`,
		Tell:   func(c scripted.Call) { calls <- c },
	}))
	client := server.Client()
	t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
	return map[string]providers.Provider{
		"local": ollama.New(ollama.Config{BaseURL: server.URL}, client),
		"cloud": openai.New(openai.Config{Name: "openai", BaseURL: server.URL + "/v1", Model: "gpt-6-luna"}, client),
	}, calls
}

func request() *providers.Request {
	return &providers.Request{
		Model:    "qwen2.5:7b",
		Messages: []providers.Message{{Role: "user", Content: "judge job-42"}},
		Schema:   json.RawMessage(`{"type":"object"}`), SchemaName: "answer",
	}
}

func TestBothDialectsDoAsScripted(t *testing.T) {
	cases := []struct {
		act   scripted.Act
		text  string          // of the answer
		class providers.Class // of the failure, "" for none
	}{
		{scripted.Act{Manner: scripted.Answer, Takes: time.Millisecond}, `{"score":7}`, ""},
		{scripted.Act{Manner: scripted.Babble, Takes: time.Millisecond}, "That is hard to say, as scripted.", ""},
		{scripted.Act{Manner: scripted.Fail}, "", providers.ClassServer},
		{scripted.Act{Manner: scripted.Busy}, "", providers.ClassRateLimited},
		{scripted.Act{Manner: scripted.Drop}, `{"sco`, providers.ClassTransport},
	}
	for _, c := range cases {
		t.Run(string(c.act.Manner), func(t *testing.T) {
			lanes, calls := play(t, c.act)
			for lane, p := range lanes {
				answer, err := p.Generate(t.Context(), request(), func(providers.Delta) {})
				if got := class(err); got != c.class {
					t.Errorf("%s: got %v (class %q), want class %q", lane, err, got, c.class)
				}
				if answer != nil && answer.Text != c.text {
					t.Errorf("%s: got %q, want %q", lane, answer.Text, c.text)
				}
				call := <-calls
				if call.Job != "job-42" || call.Lane != lane || call.Manner != c.act.Manner || call.Left {
					t.Errorf("%s: told of %+v", lane, call)
				}
			}
		})
	}
}

func class(err error) providers.Class {
	if err == nil {
		return ""
	}
	return providers.ClassOf(err)
}

func TestLeavingIsNoticedAtOnce(t *testing.T) {
	for _, manner := range []scripted.Manner{scripted.Hang, scripted.Answer} {
		t.Run(string(manner), func(t *testing.T) {
			lanes, calls := play(t, scripted.Act{Manner: manner, Takes: time.Hour})
			for lane, p := range lanes {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err := p.Generate(ctx, request(), func(providers.Delta) {})
				cancel()
				if err == nil {
					t.Errorf("%s: got an answer", lane)
				}
				if call := <-calls; !call.Left || call.End.Sub(call.Start) > 5*time.Second {
					t.Errorf("%s: told of %+v", lane, call)
				}
			}
		})
	}
}

func TestCallsAreCountedByJob(t *testing.T) {
	var seen []int
	server := scripted.New(scripted.Config{
		Marker: regexp.MustCompile(`job-\d+`),
		Script: func(_ string, n int) scripted.Act {
			seen = append(seen, n)
			return scripted.Act{Manner: scripted.Busy}
		},
		Tell: func(scripted.Call) {},
	})
	for _, prompt := range []string{"job-1", "job-1", "job-2"} {
		r := httptest.NewRequest(http.MethodPost, "/api/chat", strings.NewReader(prompt))
		server.ServeHTTP(httptest.NewRecorder(), r)
	}
	if len(seen) != 3 || seen[1] != 2 || seen[2] != 1 {
		t.Errorf("got %v, want 1 2 1", seen)
	}
}

func TestModelsAreListed(t *testing.T) {
	lanes, _ := play(t, scripted.Act{})
	for lane, p := range lanes {
		models, err := p.Models(t.Context())
		if err != nil || len(models) == 0 {
			t.Errorf("%s: got %v, %v", lane, models, err)
		}
	}
}
