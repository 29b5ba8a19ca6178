package ollama

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// FuzzStream feeds foreign bytes to the reader of the stream: whatever comes,
// the deltas join to the text, and a failure has a class.
func FuzzStream(f *testing.F) {
	f.Add(`{"message":{"content":"{}"},"done":true,"done_reason":"stop"}`)
	f.Add("{\"message\":{\"content\":\"<think>\"}}\n{\"message\":{\"thinking\":\"x\"}}\n\n{\"done\":true}")
	f.Add(`{"error":"{\"error\":{\"message\":\"m\"}}"}`)
	f.Add(`{"error":{"error":{"error":{"error":"deep"}}}}`)
	f.Add(`{"message":`)
	f.Fuzz(func(t *testing.T, body string) {
		var joined strings.Builder
		in := &reader{model: "m", schema: true, Answer: outbound.Answer{Began: time.Now(), OnDelta: func(d providers.Delta) { joined.WriteString(d.Text) }}}
		resp, err := in.read(context.Background(), strings.NewReader(body))
		if resp.Text != joined.String() {
			t.Errorf("text %q, deltas %q", resp.Text, joined.String())
		}
		if err != nil && (providers.ClassOf(err) == "" || providers.ClassOf(err) == providers.ClassCanceled) {
			t.Errorf("class of %v", err)
		}
	})
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"7.6B", "8x7B", "494.03M", "", "x", "1e999T", "-1B", "NaNB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, size string) {
		if n := parameters(size); n < 0 {
			t.Errorf("%q: %d", size, n)
		}
	})
}
