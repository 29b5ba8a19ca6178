package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

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
				h.wake(c.channel, c.kind)
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
	if h.wake("a", ""); all.woken() {
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

// What happens once a watcher has joined wakes it, however others come and go on
// the same channels meanwhile.
func TestNoWakeUpIsMissedWhileWatchersComeAndGo(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		h := newHub(rdb)
		defer h.close()
		var watchers sync.WaitGroup
		defer watchers.Wait()
		for i := range 8 {
			watchers.Go(func() {
				for round := range 50 {
					channel := fmt.Sprint((i + round) % 3)
					w := h.join(channel, anything)
					if err := rdb.Publish(t.Context(), channel, "x").Err(); err != nil {
						t.Error(err)
					}
					if !w.wakes() {
						t.Errorf("watcher %d was not woken in round %d", i, round)
					}
					h.leave(channel, w)
				}
			})
		}
	})
}

// Who was there when Redis went away is woken when it is back, for what may have
// been missed.
func TestWatchersAreWokenWhenRedisIsBack(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	h := newHub(rdb)
	defer h.close()
	heard := make(chan struct{}, 1)
	w := h.join("a", func(string) bool {
		(&watcher{wake: heard}).rouse()
		return false
	})
	for subscribed := false; !subscribed; {
		if err := rdb.Publish(t.Context(), "a", "x").Err(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
			subscribed = true
		case <-w.wake: // the subscription was confirmed: the next one is heard
		}
	}
	w.woken()
	server.Kill()
	server.Restart(t)
	if !w.wakes() {
		t.Error("not woken")
	}
}

// wakes waits for a wake-up, but not for ever.
func (w *watcher) wakes() bool {
	select {
	case <-w.wake:
		return true
	case <-time.After(time.Minute):
		return false
	}
}
