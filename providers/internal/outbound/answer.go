package outbound

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/wire"
	"github.com/topcentral/spillway/providers/output"
)

// Answer collects an answer piece by piece. The caller sets Began and OnDelta.
type Answer struct {
	Began   time.Time // of the call
	OnDelta func(providers.Delta)

	Text, Reasoning strings.Builder
	FirstToken      time.Duration // from Began to the first piece; 0: there was none yet

	texts, thoughts wire.Joiner
	split           output.Splitter
}

// Write adds a piece as it was received: characters may be split between pieces,
// and the text may contain reasoning in tags.
func (a *Answer) Write(text, reasoning string) {
	text, tagged := a.split.Write(a.texts.Write(text))
	a.emit(text, a.thoughts.Write(reasoning)+tagged)
}

// Close flushes what is pending at the end of the answer. Some servers put an
// answer that is constrained by a schema into the reasoning: if there is no text,
// and all of the reasoning is one JSON object or list, it is the answer.
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

// emit adds a piece to the answer and passes it to OnDelta; an empty one is ignored.
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
