//go:build unix

package main

import (
	"io"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	got := table([]row{
		{what: "alone", figure: "1,000/s"},
		{what: "POST – both", figure: "250/s", goal: "≥ 0.25 ×", met: true},
	})
	want := `| what        | figure  | goal     | met |
|-------------|---------|----------|-----|
| alone       | 1,000/s |          |     |
| POST – both | 250/s   | ≥ 0.25 × | yes |
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestQuantiles(t *testing.T) {
	var all times
	for i := range 100 {
		all = append(all, time.Duration(100-i)*time.Millisecond)
	}
	for q, want := range map[float64]int{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := all.at(q); got != time.Duration(want)*time.Millisecond {
			t.Errorf("%v: got %v, want %d ms", q, got, want)
		}
	}
	if got := times(nil).at(0.5); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}

func TestFigures(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	if got, want := figure([]byte("# HeapAlloc = 1234\n# Stack = 56 / 78\n"), "# Stack = "), 56; got != want {
		t.Errorf("stack: got %d, want %d", got, want)
	}
}

func TestPartsAreNamed(t *testing.T) {
	if _, err := parse([]string{"-only", "idle,watch"}, io.Discard); err != nil {
		t.Error(err)
	}
	if _, err := parse([]string{"-only", "idl"}, io.Discard); err == nil {
		t.Error("an unknown part was taken")
	}
	c, err := parse([]string{"-short"}, io.Discard)
	if err != nil || c.rounds != 1 || !c.wants("idle") {
		t.Errorf("got %+v, %v", c, err)
	}
	names := partNames()
	for i, p := range parts {
		if i >= len(names) || names[i] != p.name {
			t.Errorf("part %d: %s is not among %v", i, p.name, names)
		}
	}
}
