//go:build unix

package main

import (
	"io"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestWhatGrowsIsNamed(t *testing.T) {
	before := look{"api memory, MB": 30, "api goroutines": 40, "Redis keys": 1000, "keys spillway:{*}:job:*": 900}
	if out := new(strings.Builder); !judge(out, before, look{"api memory, MB": 35, "api goroutines": 45, "Redis keys": 1100, "keys spillway:{*}:job:*": 1000}) {
		t.Errorf("what stays the same counts as grown:\n%s", out)
	}
	for name, is := range map[string]float64{
		"api memory, MB": 60, "api goroutines": 90, "Redis keys": 2000, "keys spillway:{*}:job:*": 1500, "keys spillway:new:*": 500, "worker open files": 50,
	} {
		after := maps.Clone(before)
		after[name] = is
		out := new(strings.Builder)
		if judge(out, before, after) || !strings.Contains(out.String(), "GROWN:\n  "+name) {
			t.Errorf("%s of %v is not named:\n%s", name, is, out)
		}
	}
}

func TestWhatLastsIsNotCounted(t *testing.T) {
	for kind, lasts := range map[string]bool{
		"spillway:cache:{*}": true, "asynq:{local.high}:processed:*": true, "asynq:{webhooks}:t:*": true, "spillway:{*}:job:*": false, "asynq:{local.high}:t:*": false,
	} {
		if got := lasting(kind, 5*time.Minute); got != lasts {
			t.Errorf("%s: got %t", kind, got)
		}
	}
	if lasting("asynq:{webhooks}:t:*", 10*time.Minute) {
		t.Error("what is kept for ten minutes is not counted after ten minutes")
	}
}

func TestShortRunsAreRefused(t *testing.T) {
	if _, err := parse([]string{"-for", "1m"}, io.Discard); err == nil {
		t.Error("a run of a minute was taken")
	}
	if c, err := parse(nil, io.Discard); err != nil || c.span != 30*time.Minute || c.warm != 5*time.Minute {
		t.Errorf("got %+v, %v", c, err)
	}
}
