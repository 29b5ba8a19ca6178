package outbound

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/wire"
	"github.com/topcentral/spillway/providers/output"
)

// Answer is an answer that is still growing. Began and OnDelta are the caller's
// to set.
type Answer struct {
	Began   time.Time // of the call
	OnDelta func(providers.Delta)

	Text, Reasoning strings.Builder
	FirstToken      time.Duration // from Began to the first piece; 0: there was none yet

	texts, thoughts wire.Joiner
	split           output.Splitter
}

// Write adds a piece as it came: characters may be cut in two, and reasoning may
// be in the text, in tags.
func (a *Answer) Write(text, reasoning string) {
	text, tagged := a.split.Write(a.texts.Write(text))
	a.emit(text, a.thoughts.Write(reasoning)+tagged)
}

// Close takes what was held back at the end of the answer. Some servers file an
// answer that is bound by a schema under reasoning: it is an answer if nothing
// else is there, and it is one JSON object or list from the first byte to the
// last.
func (a *Answer) Close(schema bool) {
	a.Write(a.texts.Close(), "")
	text, tagged := a.split.Close()
	a.emit(text, a.thoughts.Close()+tagged)
	thought := strings.TrimSpace(a.Reasoning.String())
	if !schema || strings.TrimSpace(a.Text.String()) != "" || !strings.HasPrefix(thought, "{") && !strings.HasPrefix(thought, "[") || !json.Valid([]byte(thought)) {
		return
	}
	a.Reasoning.Reset()
	a.emit(thought, "")
}

// emit adds a piece to the answer and passes it on. An empty one is nothing.
func (a *Answer) emit(text, reasoning string) {
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
