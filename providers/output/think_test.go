package output_test

import (
	"testing"

	"github.com/topcentral/spillway/providers/output"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, raw, text, reasoning string }{
		{"none", "answer", "answer", ""},
		{"a block", "<think>why</think>answer", "answer", "why"},
		{"white space around it", " \n<think>\nwhy\n</think>\n\nanswer\n", "answer\n", "why\n"},
		{"empty block", "<think>\n\n</think>\n\nanswer", "answer", ""},
		{"never closed", "<think>why", "", "why"},
		{"closed by half", "<think>why</thi", "", "why</thi"},
		{"no opening tag", "why\n</think>\nanswer", "answer", "why\n"},
		{"inside the answer", "see <think>x</think>", "", "see <think>x"},
		{"inside JSON", `{"a":"<think>x</think>"}`, `{"a":"<think>x</think>"}`, ""},
		{"a lone bracket", "<thin air", "<thin air", ""},
		{"half a tag", "<thin", "<thin", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, reasoning := output.Split(c.raw)
			if text != c.text || reasoning != c.reasoning {
				t.Errorf("got %q and %q, want %q and %q", text, reasoning, c.text, c.reasoning)
			}
		})
	}
}

// FuzzSplitter checks that it makes no difference where a stream is cut.
func FuzzSplitter(f *testing.F) {
	f.Add("<think>why</think>\n answer", uint8(3))
	f.Add(" <think>a</think><think>b</think>{}", uint8(1))
	f.Add("<think>why</thi", uint8(2))
	f.Add("<thin", uint8(1))
	f.Fuzz(func(t *testing.T, raw string, step uint8) {
		split := func(n int) (text, reasoning string) {
			var s output.Splitter
			for rest := raw; rest != ""; {
				k := min(n, len(rest))
				a, b := s.Write(rest[:k])
				text, reasoning, rest = text+a, reasoning+b, rest[k:]
			}
			a, b := s.Close()
			return text + a, reasoning + b
		}
		wholeText, wholeReasoning := split(len(raw) + 1)
		text, reasoning := split(int(step)%7 + 1)
		if text != wholeText || reasoning != wholeReasoning {
			t.Errorf("%q: in pieces %q and %q, whole %q and %q", raw, text, reasoning, wholeText, wholeReasoning)
		}
	})
}
