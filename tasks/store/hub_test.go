package store

import "testing"

func TestWatchersAreWokenByWhatTheyWant(t *testing.T) {
	h := newHub(nil)
	h.started = true // what is told comes from this test
	all := h.join("a", anything)
	some := h.join("a", func(kind string) bool { return kind == "wanted" })
	other := h.join("b", anything)
	for _, c := range []struct {
		name             string
		channel, kind    string
		all, some, other bool
	}{
		{"what one wants", "a", "wanted", true, true, false},
		{"what one does not want", "a", "unwanted", true, false, false},
		{"whatever was missed", "a", "", true, true, false},
		{"another channel", "b", "wanted", false, false, true},
		{"a channel of nobody", "c", "wanted", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // what comes before one has looked is one wake-up
				h.tell(c.channel, c.kind)
			}
			for _, w := range []struct {
				name string
				*watcher
				want bool
			}{{"all", all, c.all}, {"some", some, c.some}, {"other", other, c.other}} {
				if got := w.woken(); got != w.want {
					t.Errorf("%s: woken is %v, want %v", w.name, got, w.want)
				}
				if w.woken() {
					t.Errorf("%s: woken twice", w.name)
				}
			}
		})
	}
	h.leave("a", all)
	if h.tell("a", ""); all.woken() {
		t.Error("woken after it left")
	}
}

// woken takes the wake-up that the watcher holds.
func (w *watcher) woken() bool {
	select {
	case <-w.wake:
		return true
	default:
		return false
	}
}
