package coze

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
)

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"code":0,"data":{"id":"1","status":"completed"}}`, `{"code":0,"data":[{"role":"assistant","type":"answer","content":"x"}]}`,
		`{"code":4009,"msg":"rate limit"}`, `{"code":0,"data":{"status":"failed","last_error":{"code":5000,"msg":"余额"}}}`, `{"code":0}`, `{"error_message":"x"}`, "null", "<html>",
	} {
		f.Add(seed, 200)
		f.Add(seed, 502)
	}
	p := &provider{}
	f.Fuzz(func(t *testing.T, body string, status int) {
		if status < 300 || status > 599 {
			status = http.StatusInternalServerError
		}
		refused := p.refusal(t.Context(), &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))})
		if providers.ClassOf(refused) == "" {
			t.Errorf("no class for %d %q", status, body)
		}
		var c chat
		if open([]byte(body), &c, providers.Secret{}) == nil {
			_, _ = c.verdict(providers.Secret{})
			_ = c.query()
		}
		var all []answered
		_ = open([]byte(body), &all, providers.Secret{})
	})
}
