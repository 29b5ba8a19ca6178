package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var discard = slog.New(slog.DiscardHandler)

// numbers drains a ledger once and returns the numbers of its lines, sorted.
func numbers(t *testing.T, l *Ledger) []int64 {
	t.Helper()
	lines := make(chan int64, batch)
	_, err := l.drain(t.Context(), discard, func(_ context.Context, e tasks.Egress) error { lines <- e.Number; return nil })
	if err != nil {
		t.Fatal(err)
	}
	close(lines)
	var all []int64
	for n := range lines {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// Whatever command of the script fails: the line gets its number when the call is
// repeated, and no number is missing.
func TestAnAppendThatFailsInItsMiddleLeavesNoGap(t *testing.T) {
	redistest.EachCommand(t, func(t *testing.T, rdb *redis.Client, fail func(func() error)) {
		l := NewLedger(rdb)
		add := func() error { return l.Append(t.Context(), tasks.Egress{Job: "job_1"}) }
		if err := add(); err != nil {
			t.Fatal(err)
		}
		fail(add)
		if err := add(); err != nil {
			t.Fatal(err)
		}
		if got, want := numbers(t, l), []int64{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("got lines %v, want %v", got, want)
		}
	})
}

func TestALineIsDrainedOnceItIsRecorded(t *testing.T) {
	rdb := redistest.Embedded(t)
	l := NewLedger(rdb)
	for i := range 3 {
		if err := l.Append(t.Context(), tasks.Egress{Job: fmt.Sprint("job_", i), Tenant: "acme", Masked: map[string]int{"person": 2}}); err != nil {
			t.Fatal(err)
		}
	}
	failed := errors.New("the disk is full")
	if _, err := l.drain(t.Context(), discard, func(_ context.Context, e tasks.Egress) error {
		if e.Job == "job_1" {
			return failed
		}
		if e.Series == "" || e.At.IsZero() || e.Masked["person"] != 2 {
			t.Errorf("got %+v", e)
		}
		return nil
	}); !errors.Is(err, failed) {
		t.Errorf("got error %v, want %v", err, failed)
	}
	if n, err := l.Pending(t.Context()); n != 1 || err != nil {
		t.Errorf("%d lines are left (%v), want the one that was not recorded", n, err)
	}
	left, err := rdb.XPending(t.Context(), linesKey, group).Result()
	if err != nil || left.Count != 1 {
		t.Errorf("got %+v, %v, want one line that another process takes over", left, err)
	}
}
