package tasks

import (
	"encoding/json"
	"testing"
)

func FuzzAmounts(f *testing.F) {
	for _, seed := range []string{"0", "1.5", "90s", "-1", "0.000000000001", "9223372.036854775807", "1e400", "null", `"1"`, "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m Money
		if m.UnmarshalText([]byte(text)) == nil {
			var again Money
			if err := again.UnmarshalText([]byte(m.String())); err != nil || again != m {
				t.Errorf("%q: %s is read as %s, %v", text, m, again, err)
			}
		}
		var d Duration
		_ = d.UnmarshalText([]byte(text))
		_ = json.Unmarshal([]byte(text), &d)
		_ = CheckID(text)
	})
}
