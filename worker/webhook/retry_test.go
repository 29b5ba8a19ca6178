package webhook

import (
	"errors"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks/queue"
)

// Every class of outcome has its verdict.
func TestVerdict(t *testing.T) {
	tests := []struct {
		class          Class
		done, final    bool
		counts         bool
		least, longest time.Duration
	}{
		{class: Delivered, done: true},
		{class: Gone, final: true},
		{class: Rejected, counts: true, least: 4250 * time.Millisecond, longest: 5750 * time.Millisecond},
		{class: Forbidden, counts: true, least: 4250 * time.Millisecond, longest: 5750 * time.Millisecond},
		{class: TimedOut, counts: true, least: 4250 * time.Millisecond, longest: 5750 * time.Millisecond},
		{class: Insecure, counts: true, least: 4250 * time.Millisecond, longest: 5750 * time.Millisecond},
		{class: Unreachable, counts: true, least: 4250 * time.Millisecond, longest: 5750 * time.Millisecond},
		{class: Busy, least: 7 * time.Second, longest: 7 * time.Second},
		{class: Interrupted},
	}
	for _, tt := range tests {
		t.Run(string(tt.class), func(t *testing.T) {
			err := verdict(Outcome{Class: tt.class, Later: 7 * time.Second}, 0)
			if got := err == nil; got != tt.done {
				t.Fatalf("done: got %v, want %v (%v)", got, tt.done, err)
			}
			if got := errors.Is(err, queue.ErrGivenUp); got != tt.final {
				t.Fatalf("final: got %v, want %v (%v)", got, tt.final, err)
			}
			if tt.done || tt.final {
				return
			}
			retry, ok := errors.AsType[*queue.Retry](err)
			if !ok {
				t.Fatalf("got %v, want a retry", err)
			}
			if retry.Counts != tt.counts {
				t.Errorf("counts: got %v, want %v (%v)", retry.Counts, tt.counts, err)
			}
			after := retry.After
			if after < tt.least || after > tt.longest {
				t.Errorf("wait: got %v, want %v to %v", after, tt.least, tt.longest)
			}
		})
	}
}

// The waits follow the schedule of Standard Webhooks to its end.
func TestRetrySchedule(t *testing.T) {
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for tries, wait := range want {
		for range 100 {
			err := verdict(Outcome{Class: Rejected, Status: 500}, tries)
			retry, ok := errors.AsType[*queue.Retry](err)
			if !ok {
				t.Fatalf("after %d tries: %v", tries, err)
			}
			if off := retry.After - wait; off.Abs() > wait*15/100+time.Millisecond {
				t.Fatalf("after %d tries: got %v, want %v ± 15 %%", tries, retry.After, wait)
			}
		}
	}
	if err := verdict(Outcome{Class: Rejected, Status: 500}, MaxTries-1); !errors.Is(err, queue.ErrGivenUp) {
		t.Errorf("after the last try: %v", err)
	}
}

func TestRetryHonoursTheReceiversWish(t *testing.T) {
	tests := []struct {
		name  string
		asked time.Duration
		tries int
		want  func(time.Duration) bool
	}{
		{"longer than the schedule", time.Hour, 0, func(d time.Duration) bool { return d == time.Hour }},
		{"shorter than the schedule", time.Second, 1, func(d time.Duration) bool { return d > 4*time.Minute }},
		{"beyond a day", 1000 * time.Hour, 0, func(d time.Duration) bool { return d == maxWait }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			retry, ok := errors.AsType[*queue.Retry](verdict(Outcome{Class: Rejected, Status: 429, RetryAfter: tt.asked}, tt.tries))
			if !ok || !tt.want(retry.After) {
				t.Errorf("got %+v", retry)
			}
		})
	}
}
