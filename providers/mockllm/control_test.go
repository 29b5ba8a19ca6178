package mockllm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers/mockllm"
)

func TestTripwire(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	if status, body := put(t, web, "/control/tripwire", `{"deny":["王小明","13800138000","Acme Tools","ﾊﾛｰ"]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for name, text := range map[string]string{
		"plain":          `王小明`,
		"escaped":        `\u738b\u5c0f\u660e`,
		"escaped twice":  `\\u738b\\u5c0f\\u660e`,
		"half and half":  `王\u5c0f明`,
		"full width":     `１３８００１３８０００`,
		"with hyphens":   `138-0013-8000`,
		"with spaces":    `138 0013 8000`,
		"in other case":  `ACME tools`,
		"other width":    `ハロー`,
		"across a space": `acme\u0020tools`,
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := s.Tripped()
			status, body := post(t, web, "/deepseek/chat/completions",
				`{"model":"deepseek-flash","messages":[{"role":"user","content":"about `+text+`."}]}`)
			after, trips := s.Tripped()
			if status < 400 || after != before+1 || trips[len(trips)-1].Provider != mockllm.DeepSeek {
				t.Errorf("%d %s; tripped %d times", status, body, after-before)
			}
		})
	}
	before, _ := s.Tripped()
	if status, _ := post(t, web, "/deepseek/chat/completions", ask("客户_A1 called 1380013 times; acme is a tool")); status != 200 {
		t.Errorf("status %d for what was not denied", status)
	}
	if after, _ := s.Tripped(); after != before {
		t.Error("tripped by what was not denied")
	}
	_, body, _ := send(t, web, http.MethodGet, "/control/tripped", "")
	if !strings.Contains(body, `"count":10`) || !strings.Contains(body, "王小明") {
		t.Errorf("got %s", body)
	}
	if _, body, _ = send(t, web, http.MethodGet, "/control/stats", ""); !strings.Contains(body, `"outcome":"tripped","calls":10`) {
		t.Errorf("got %s", body)
	}
}

func put(t *testing.T, web *httptest.Server, path, body string) (int, string) {
	t.Helper()
	status, answer, _ := send(t, web, http.MethodPut, path, body)
	return status, answer
}

func TestControlPlane(t *testing.T) {
	s, web := start(t, mockllm.Config{})
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/control", "", 200, "/minimax/v1"},
		{"PUT", "/control/behavior/deepseek", `{"faults":{"server":1},"latency":{"mean":"250ms"}}`, 200, "250ms"},
		{"PATCH", "/control/behavior/deepseek", `{"cached_share":0.5}`, 200, `"server":1`},
		{"GET", "/control/behavior/deepseek", "", 200, `"cached_share":0.5`},
		{"GET", "/control/behavior", "", 200, `"kimi":{}`},
		{"GET", "/control/behavior/nobody", "", 404, "nobody"},
		{"PUT", "/control/behavior/nobody", `{}`, 400, "nobody"},
		{"PUT", "/control/behavior/deepseek", `{"fault":{}}`, 400, "unknown field"},
		{"PUT", "/control/behavior/deepseek", `{"faults":{"sever":1}}`, 400, "sever"},
		{"PUT", "/control/behavior/deepseek", `{"faults":{"server":0.7,"hang":0.7}}`, 400, "more than 1"},
		{"PUT", "/control/behavior/deepseek", `{"latency":{"min":"fast"}}`, 400, "250ms"},
		{"PUT", "/control/behavior/ollama", `{"faults":{"quota_dead":1}}`, 400, "does not have the fault quota_dead"},
		{"PUT", "/control/behavior/all", `{"faults":{"quota_dead":1}}`, 200, ""},
		{"PUT", "/control/clock", `{"now":"2026-11-23T02:00:00Z"}`, 200, "2026-11-23T02:00:0"},
		{"GET", "/control/clock", "", 200, "2026-11-23T02:0"},
		{"POST", "/control/reset", "", 200, "{}"},
		{"GET", "/control/behavior/kimi", "", 200, "{}"},
	} {
		if status, body, _ := send(t, web, c.method, c.path, c.body); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s: %d %s; want %d and %q", c.method, c.path, c.body, status, body, c.status, c.says)
		}
	}
	if d := time.Since(s.Now()); d < -time.Minute || d > time.Minute {
		t.Errorf("the clock is off by %v after a reset", d)
	}
}
