package outbound

import (
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Answer is an answer that is still growing. Began and OnDelta are the caller's
// to set.
type Answer struct {
	Began   time.Time // of the call
	OnDelta func(providers.Delta)

	Text, Reasoning strings.Builder
	FirstToken      time.Duration // from Began to the first piece; 0: there was none yet
}

// Tell adds a piece to the answer and passes it on. An empty one is nothing.
func (a *Answer) Tell(text, reasoning string) {
	if text == "" && reasoning == "" {
		return
	}
	if a.FirstToken == 0 {
		a.FirstToken = time.Since(a.Began)
	}
	a.Text.WriteString(text)
	a.Reasoning.WriteString(reasoning)
	a.OnDelta(providers.Delta{Text: text, Reasoning: reasoning})
}
