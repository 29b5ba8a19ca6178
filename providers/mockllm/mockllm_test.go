package mockllm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers/mockllm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server.
func start(t *testing.T, c mockllm.Config) (*mockllm.Server, *httptest.Server) {
	t.Helper()
	s := mockllm.New(c)
	web := httptest.NewServer(s)
	t.Cleanup(func() { web.Client().CloseIdleConnections(); web.Close() })
	return s, web
}

// post sends a body and returns status and answer.
func post(t *testing.T, web *httptest.Server, path, body string) (int, string) {
	t.Helper()
	status, answer, _ := send(t, web, http.MethodPost, path, body)
	return status, answer
}

func send(t *testing.T, web *httptest.Server, method, path, body string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer x")
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), resp.Header
}

func ask(prompt string) string {
	return fmt.Sprintf(`{"model":"deepseek-flash","thinking":{"type":"disabled"},"messages":[{"role":"user","content":%q}]}`, prompt)
}

func TestOneSeedOneFate(t *testing.T) {
	run := func(seed uint64) string {
		s, web := start(t, mockllm.Config{Seed: seed})
		if err := s.Set(mockllm.DeepSeek, mockllm.Behavior{Faults: map[mockllm.Fault]float64{"server": 0.3, "blank": 0.3}}); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for i := range 40 {
			status, body := post(t, web, "/deepseek/chat/completions", ask(fmt.Sprint("json ", i%3)))
			if i := strings.Index(body, `"choices"`); i >= 0 {
				body = body[i : i+60]
			}
			fmt.Fprintln(&all, status, body)
		}
		return all.String()
	}
	first, again, other := run(7), run(7), run(8)
	if first != again {
		t.Errorf("one seed, two fates:\n%s\n%s", first, again)
	}
	if first == other {
		t.Error("two seeds, one fate")
	}
	for _, want := range []string{"500 ", "200 "} {
		if !strings.Contains(first, want) {
			t.Errorf("no %s in\n%s", want, first)
		}
	}
}

func TestTheScriptComesFirstThenChance(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	if err := s.Set(mockllm.DeepSeek, mockllm.Behavior{Script: []mockllm.Fault{"overloaded", "answer"}, Faults: map[mockllm.Fault]float64{"quota_dead": 1}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{503, 200, 402, 402} {
		if got, body := post(t, web, "/deepseek/v1/chat/completions", ask("x")); got != want {
			t.Errorf("call %d: %d, want %d: %s", i, got, want, body)
		}
	}
}

func TestLimits(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	if err := s.Set(mockllm.DeepSeek, mockllm.Behavior{Limits: mockllm.Limits{Requests: 2}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status, body := post(t, web, "/deepseek/chat/completions", ask("x")); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	status, _, header := send(t, web, http.MethodPost, "/deepseek/chat/completions", ask("x"))
	if wait := header.Get("Retry-After"); status != 429 || wait == "" || wait == "0" || len(wait) > 2 {
		t.Errorf("status %d, Retry-After %q: want 429 and up to a minute", status, wait)
	}
	if err := s.Set(mockllm.DeepSeek, mockllm.Behavior{Limits: mockllm.Limits{Tokens: 100}}); err != nil {
		t.Fatal(err)
	}
	if status, _ = post(t, web, "/deepseek/chat/completions", ask(strings.Repeat("word ", 200))); status != 200 && status != 429 {
		t.Errorf("status %d", status)
	}
	if status, _ = post(t, web, "/deepseek/chat/completions", ask(strings.Repeat("word ", 99))); status != 429 {
		t.Errorf("status %d: 99 tokens and those before are more than 100", status)
	}
}

func TestConcurrencyLimit(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	if err := s.Set(mockllm.Kimi, mockllm.Behavior{Limits: mockllm.Limits{Concurrency: 1}, Script: []mockllm.Fault{"stall"}}); err != nil {
		t.Fatal(err)
	}
	body := `{"model":"kimi-k2.6","stream":true,"messages":[{"role":"user","content":"x"}]}`
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, web.URL+"/kimi/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer x")
	resp, err := web.Client().Do(r) // returns with the first byte, and the call goes on
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := post(t, web, "/kimi/v1/chat/completions", body); status != 429 || !strings.Contains(answer, "rate_limit_reached_error") {
		t.Errorf("%d %s", status, answer)
	}
	cancel()
	_ = resp.Body.Close()
}

func TestTheClockIsTold(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	s.SetNow(time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
	_, body, header := send(t, web, http.MethodPost, "/deepseek/chat/completions", ask("x"))
	if !strings.HasPrefix(header.Get("Date"), "Mon, 23 Nov 2026 02:0") || !strings.Contains(body, `"created":17`) {
		t.Errorf("Date %q, body %s", header.Get("Date"), body)
	}
}

func TestModelSwapsTakeTime(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	if err := s.Set(mockllm.Ollama, mockllm.Behavior{Load: mockllm.Duration(time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	chat := func(model string) bool {
		_, body := post(t, web, "/ollama/api/chat", `{"model":"`+model+`","stream":false,"messages":[{"role":"user","content":"hi"}]}`)
		return strings.Contains(body, `"load_duration":1000000`)
	}
	for i, c := range []struct {
		model string
		loads bool
	}{{"qwen2.5:7b", true}, {"qwen2.5:7b", false}, {"deepseek-r1:32b", true}, {"qwen2.5:7b", true}} {
		if got := chat(c.model); got != c.loads {
			t.Errorf("call %d: loads %t, want %t", i, got, c.loads)
		}
	}
	if _, body, _ := send(t, web, http.MethodGet, "/ollama/api/ps", ""); !strings.Contains(body, "qwen2.5:7b") || strings.Contains(body, "deepseek") {
		t.Errorf("in memory: %s", body)
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	for i := range 250 {
		post(t, web, "/deepseek/chat/completions", strings.Replace(ask("x"), "deepseek-flash", fmt.Sprint("m", i), 1))
	}
	st := s.Stats()
	if len(st.Recent) != 200 || st.Recent[199].Model != "m249" || len(st.Calls) != 250 {
		t.Errorf("%d recent calls, %d counts", len(st.Recent), len(st.Calls))
	}
}

// Every service refuses what the real one refuses.
func TestRealRefusals(t *testing.T) {
	_, web := start(t, mockllm.Config{})
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"openai: max_tokens":      {"/openai/v1/chat/completions", `{"model":"gpt-6-luna","max_tokens":5,"messages":[{"role":"user","content":"x"}]}`, 400, "max_completion_tokens"},
		"openai: no such model":   {"/openai/v1/chat/completions", `{"model":"gpt-2","messages":[{"role":"user","content":"x"}]}`, 404, "model_not_found"},
		"deepseek: json_schema":   {"/deepseek/chat/completions", `{"model":"deepseek-flash","response_format":{"type":"json_schema"},"messages":[{"role":"user","content":"x"}]}`, 400, "unavailable"},
		"deepseek: no word json":  {"/deepseek/chat/completions", `{"model":"deepseek-flash","response_format":{"type":"json_object"},"messages":[{"role":"user","content":"x"}]}`, 400, "'json'"},
		"deepseek: unknown model": {"/deepseek/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, 400, "supported API model names"},
		"kimi: temperature":       {"/kimi/v1/chat/completions", `{"model":"kimi-k2.6","temperature":0,"messages":[{"role":"user","content":"x"}]}`, 400, "only 1 is allowed"},
		"minimax: temperature":    {"/minimax/v1/chat/completions", `{"model":"MiniMax-M3","temperature":0,"messages":[{"role":"user","content":"x"}]}`, 400, "(0, 1]"},
		"minimax native":          {"/minimax/v1/text/chatcompletion_v2", `{"model":"MiniMax-M3","temperature":0,"messages":[{"role":"user","content":"x"}]}`, 200, `"status_code":2013`},
		"ollama: not installed":   {"/ollama/api/chat", `{"model":"llama9","messages":[]}`, 404, "not found"},
		"ollama: no thinker":      {"/ollama/api/chat", `{"model":"qwen2.5:7b","think":true,"messages":[]}`, 400, "does not support thinking"},
		"ollama: format":          {"/ollama/api/chat", `{"model":"qwen2.5:7b","format":"xml","messages":[]}`, 400, "invalid format"},
		"ollama: too long":        {"/ollama/api/chat", `{"model":"qwen2.5:7b","truncate":false,"options":{"num_ctx":2},"messages":[{"role":"user","content":"one two three four"}]}`, 400, "exceeds the context length"},
		"coze: no bot":            {"/coze/v3/chat", `{"user_id":"u"}`, 200, `"code":4000`},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := post(t, web, c.path, c.body); status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("%d %s; want %d and %q", status, body, c.status, c.says)
			}
		})
	}
	resp, err := web.Client().Post(web.URL+"/kimi/v1/chat/completions", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
}

// A test that directs every call is told of every call.
func TestDirected(t *testing.T) {
	var asked []mockllm.Ask
	told := make(chan mockllm.Call, 10)
	_, web := start(t, mockllm.Config{
		Direct: func(a mockllm.Ask) (mockllm.Act, bool) {
			asked = append(asked, a)
			return mockllm.Act{Fault: []mockllm.Fault{mockllm.QuotaDead, ""}[len(asked)-1]}, true
		},
		OnCall: func(_ mockllm.Ask, c mockllm.Call) { told <- c },
	})
	for i, want := range []mockllm.Fault{mockllm.QuotaDead, mockllm.None} {
		status, body := post(t, web, "/deepseek/chat/completions", ask("job-7"))
		if (status == 402) != (want == mockllm.QuotaDead) {
			t.Errorf("call %d: %d %s", i, status, body)
		}
		if c := <-told; c.Outcome != string(want) || c.Left || c.End.Before(c.Start) {
			t.Errorf("told of %+v", c)
		}
		if a := asked[i]; a.Provider != mockllm.DeepSeek || a.Model != "deepseek-flash" || a.Prompt != "job-7" {
			t.Errorf("asked %+v", a)
		}
	}
}
