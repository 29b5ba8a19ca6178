package providers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
)

func TestEstimateTokens(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "", 0},
		{"English: a quarter of a token for each character", strings.Repeat("quotation ", 40), 100},
		{"Chinese: 0.65", strings.Repeat("客户已经批复预算了吗", 10), 65},
		{"both", strings.Repeat("客户 quote ", 20), 61},
		{"shorter than a word of the processor", "预算 ok", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &providers.Request{Messages: []providers.Message{{Role: providers.User, Content: c.text}}}
			if got := providers.EstimateTokens(req); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	half := strings.Repeat("quotation ", 20)
	req := &providers.Request{Schema: json.RawMessage(half), Messages: []providers.Message{{Role: providers.User, Content: half}}}
	if got := providers.EstimateTokens(req); got != 100 {
		t.Errorf("the schema is a part of the prompt: got %d, want 100", got)
	}
}
