package openai

import (
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// FuzzEvent feeds foreign bytes to the reader of events, twice: whatever comes,
// the deltas join to the text.
func FuzzEvent(f *testing.F) {
	f.Add(`{"choices":[{"index":0,"delta":{"content":"<think>x</think>{}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`, true)
	f.Add(`{"error":{"message":"m","code":7}}`, false)
	f.Add(`{"base_resp":{"status_code":1002}}`, false)
	f.Fuzz(func(t *testing.T, event string, cumulative bool) {
		var joined strings.Builder
		in := &reader{cumulative: cumulative, Answer: outbound.Answer{Began: time.Now(), OnDelta: func(d providers.Delta) { joined.WriteString(d.Text) }}}
		_ = in.read(t.Context(), strings.NewReader("data: "+event+"\n\n"))
		in.done = false
		_ = in.read(t.Context(), strings.NewReader(event))
		if got := in.response().Text; got != joined.String() {
			t.Errorf("text %q, deltas %q", got, joined.String())
		}
	})
}

// FuzzClassify feeds foreign bytes to the reader of errors: every answer that
// is a failure has a class, and a message of bounded length.
func FuzzClassify(f *testing.F) {
	f.Add(429, `{"error":{"type":"engine_overloaded_error","message":"m"}}`)
	f.Add(500, `{"error":"m"}`)
	f.Add(403, `{"code":"x","message":"balance"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		e := classify(status, []byte(body), providers.NewSecret("0123456789"))
		if e.Class == "" || e.Message == "" || len(e.Message) > 400 || strings.Contains(e.Message, "0123456789") {
			t.Errorf("got %+v", e)
		}
	})
}
