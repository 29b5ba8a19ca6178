package host

import (
	"context"
	"errors"
	"testing"
)

func TestWhenAMachineIsFull(t *testing.T) {
	type second struct {
		cpu, memory float64
		busy        bool
	}
	idle, loaded := second{cpu: 0.1, memory: 0.5}, second{cpu: 1, memory: 0.5}
	many := func(s second, n int) []second {
		all := make([]second, n)
		for i := range all {
			all[i] = s
		}
		return all
	}
	both := Limits{CPU: 0.8, Memory: 0.8}
	for _, c := range []struct {
		name   string
		limits Limits
		seen   [][]second
		want   bool
	}{
		{"idle", both, [][]second{many(idle, 30)}, false},
		{"a blip", both, [][]second{many(idle, 30), many(loaded, 5)}, false},
		{"loaded for long", both, [][]second{many(idle, 30), many(loaded, 30)}, true},
		{"a little below the limit again: still full", both, [][]second{many(loaded, 40), many(second{cpu: 0.78}, 60)}, true},
		{"well below it", both, [][]second{many(loaded, 40), many(second{cpu: 0.7}, 60)}, false},
		{"a little below the limit at first: not yet full", both, [][]second{many(second{cpu: 0.78}, 60)}, false},
		{"loaded by the worker's own job", both, [][]second{many(idle, 30), many(second{cpu: 1, busy: true}, 60)}, false},
		{"memory", both, [][]second{many(second{memory: 0.9}, 1)}, true},
		{"memory, also while it works", both, [][]second{many(second{memory: 0.9, busy: true}, 1)}, true},
		{"no limits", Limits{}, [][]second{many(second{cpu: 1, memory: 1}, 60)}, false},
		{"one limit", Limits{CPU: 0.8}, [][]second{many(second{memory: 1}, 60)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s second
			h := New(c.limits, func(context.Context) (float64, float64, error) { return s.cpu, s.memory, nil })
			for _, phase := range c.seen {
				for _, s = range phase {
					if err := h.Measure(t.Context(), s.busy); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := h.Full(); got != c.want {
				t.Errorf("got %v with %+v, want %v", got, h.State(), c.want)
			}
		})
	}
}

func TestAMachineThatCannotBeMeasuredIsNotFull(t *testing.T) {
	h := New(Limits{CPU: 0.8}, func(context.Context) (float64, float64, error) { return 0, 0, errors.New("no") })
	if err := h.Measure(t.Context(), false); err == nil || h.Full() || h.State() != nil {
		t.Errorf("got %v and %+v", err, h.State())
	}
}

func TestThisMachineCanBeMeasured(t *testing.T) {
	if used, memory, err := measure(t.Context()); err != nil || used < 0 || used > 1 || memory <= 0 || memory > 1 {
		t.Errorf("got %v, %v, %v", used, memory, err)
	}
}
