package audit

import (
	"bytes"
	"testing"
)

// A line that is taken for good is one that this package could have written.
func FuzzLine(f *testing.F) {
	var key Key
	line, _, err := appendLine(nil, Entry{Outcome: OutcomeOf(200)}, key)
	if err != nil {
		f.Fatal(err)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	f.Add(line)
	f.Add(append(bytes.Clone(line), '}'))
	f.Add([]byte(`{"hash":""}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, hash, err := readLine(text, key); err == nil && hash == "" {
			t.Errorf("%q has no hash", text)
		}
	})
}
