//go:build unix

package main

import (
	"testing"
	"time"
)

func TestClockTranslatesTimesOfRedis(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1000+int64(s), 0) }
	// Ahead by 10 s from 5 to 8, and back.
	c := &clock{shifts: []shift{{}, {at(5), 10 * time.Second}, {at(8), 0}}}
	for name, test := range map[string]struct{ redis, after, want int }{
		"before the jump":                 {4, 0, 4},
		"skipped, read after it":          {9, 4, 9},
		"while ahead":                     {17, 5, 7},
		"read twice, after another":       {16, 7, 16},
		"read twice, the first":           {16, 5, 6},
		"after the jump back, not behind": {30, 20, 30},
	} {
		if got := c.machine(at(test.redis), at(test.after)); !got.Equal(at(test.want)) {
			t.Errorf("%s: got %v, want %v", name, got.Unix()-1000, test.want)
		}
	}
	if got := c.machine(time.Time{}, at(0)); !got.IsZero() {
		t.Errorf("no time: got %v", got)
	}
}

func TestClockJumpsAddUp(t *testing.T) {
	c, err := newClock(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []time.Duration{3 * time.Second, -5 * time.Second} {
		if err := c.jump(by); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.shifts[2].offset; got != -2*time.Second {
		t.Errorf("got %v, want -2s", got)
	}
}
