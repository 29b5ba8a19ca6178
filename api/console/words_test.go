package console

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Both languages have the same texts, and one for every state, lane and reason.
func TestWords(t *testing.T) {
	en, err := readWords(english)
	if err != nil {
		t.Fatal(err)
	}
	zh, err := readWords(chinese)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(zh)); !slices.Equal(a, b) {
		t.Errorf("the languages have different texts: %v and %v", a, b)
	}
	var want []string
	for _, s := range tasks.States() {
		want = append(want, "state."+string(s))
	}
	for _, l := range tasks.Lanes() {
		want = append(want, "lane."+string(l))
	}
	for _, p := range tasks.Privacies() {
		want = append(want, "privacy."+string(p))
	}
	for _, name := range want {
		if en[name] == "" || zh[name] == "" {
			t.Errorf("no text for %s", name)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 1500 * time.Millisecond: "1.5 s", 90 * time.Second: "1 min 30 s", 3*time.Hour + 5*time.Minute: "3 h 05 min", 50 * time.Hour: "2 d 02 h", -time.Second: "0 ms",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
