package httpx

import (
	"testing"
	"time"
)

func TestParsePrefer(t *testing.T) {
	for _, c := range []struct {
		header string
		want   Preferences
	}{
		{"", Preferences{}},
		{"wait=10", Preferences{Wait: 10 * time.Second}},
		{"Wait = 10 ; x=1", Preferences{Wait: 10 * time.Second}},
		{`wait="10"`, Preferences{Wait: 10 * time.Second}},
		{"wait=10, wait=20", Preferences{Wait: 10 * time.Second}},
		{"wait=x, wait=20", Preferences{}},
		{"wait", Preferences{}},
		{"wait=0", Preferences{}},
		{"wait=1.5", Preferences{}},
		{`note="a, wait=5", respond-async`, Preferences{Async: true}},
		{`note="a\", wait=5`, Preferences{}},
		{",,;;==", Preferences{}},
	} {
		if got := ParsePrefer(c.header, time.Minute); got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.header, got, c.want)
		}
	}
}

func FuzzParsePrefer(f *testing.F) {
	f.Add(`respond-async, wait=10; x="y"`)
	f.Fuzz(func(t *testing.T, header string) {
		if p := ParsePrefer(header, time.Minute); p.Wait < 0 || p.Wait > time.Minute {
			t.Errorf("%q: wait %v", header, p.Wait)
		}
	})
}
