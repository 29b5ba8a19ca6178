package httpx

import (
	"strings"
	"testing"
)

func FuzzIfNoneMatch(f *testing.F) {
	for _, seed := range []string{`"1"`, `W/"1", "2"`, "*", `W/`, `,,`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		named := strings.Contains(list, `"7"`) || strings.Contains(list, "*")
		if Matches(list, `"7"`) && !named {
			t.Errorf("%q names it", list)
		}
	})
}
