package limits_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const lease = 90 * time.Second

// guard returns a guard of one worker that holds the limits for every candidate.
func guard(rdb redis.UniversalClient, l providers.Limits) *limits.Guard {
	rule := func(c providers.Candidate) (string, providers.Limits) { return c.Provider.Name(), l }
	return limits.New(rdb, limits.Config{Rule: rule, Lease: lease, Patience: time.Minute}, slog.New(slog.DiscardHandler))
}

// call is a call of 100 tokens.
func call() *providers.Call {
	return &providers.Call{Candidate: providers.Candidate{Provider: providertest.NewFake("kimi"), Model: "k2"}, Input: 60, Output: 40}
}

// clock is an embedded Redis whose time the test sets.
type clock struct {
	*miniredis.Miniredis
	rdb *redis.Client
	now time.Time
}

func newClock(t *testing.T) *clock {
	t.Helper()
	c := &clock{miniredis.RunT(t), nil, time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	c.SetTime(c.now)
	c.rdb = redis.NewClient(&redis.Options{Addr: c.Addr()})
	t.Cleanup(func() { _ = c.rdb.Close() }) // the test is over
	return c
}

func (c *clock) advance(d time.Duration) {
	c.now = c.now.Add(d)
	c.SetTime(c.now)
}

func enter(t *testing.T, g *limits.Guard) (leave func(*providers.Attempt), refused *providers.Refusal) {
	t.Helper()
	leave, err := g.Enter(t.Context(), call())
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused != nil && (refused.Reason != tasks.OutcomeLimitReached || refused.RetryAfter <= 0 || !strings.Contains(refused.Message, "kimi")) {
		t.Fatalf("refused with %+v", refused)
	}
	return leave, refused
}

// mustEnter enters, and fails if that is refused.
func mustEnter(t *testing.T, g *limits.Guard) (leave func(*providers.Attempt)) {
	t.Helper()
	leave, refused := enter(t, g)
	if refused != nil {
		t.Fatal(refused)
	}
	return leave
}

// entered is how many of n calls at once are let in.
func entered(t *testing.T, g *limits.Guard, n int) int {
	t.Helper()
	var leaves []func(*providers.Attempt)
	for range n {
		if leave, refused := enter(t, g); refused == nil {
			leaves = append(leaves, leave)
		}
	}
	for _, leave := range leaves {
		leave(done(1, 1))
	}
	return len(leaves)
}

func done(input, output int) *providers.Attempt {
	return &providers.Attempt{Called: true, Outcome: tasks.OutcomeSucceeded, Usage: providers.Usage{Input: input, Output: output}}
}

func turnedAway(after time.Duration) *providers.Attempt {
	return &providers.Attempt{Called: true, Outcome: string(providers.ClassRateLimited), RetryAfter: after}
}

func TestConcurrencyIsHeldAcrossWorkers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		rdb = redistest.Patient(t, rdb)
		const workers, calls, allowed = 4, 50, 5
		var in atomic.Int32
		leaves := make(chan func(*providers.Attempt), workers*calls)
		var all sync.WaitGroup
		for range workers {
			g := guard(rdb, providers.Limits{Concurrency: allowed})
			for range calls {
				all.Go(func() {
					if leave, err := g.Enter(t.Context(), call()); err == nil {
						in.Add(1)
						leaves <- leave
					}
				})
			}
		}
		all.Wait()
		if in.Load() != allowed {
			t.Fatalf("%d calls at once, want %d", in.Load(), allowed)
		}
		(<-leaves)(done(1, 1))
		g := guard(rdb, providers.Limits{Concurrency: allowed})
		if got := entered(t, g, 3); got != 1 {
			t.Errorf("%d calls took the place of one", got)
		}
	})
}

func TestRequestsAreSpreadOverTheMinute(t *testing.T) {
	for _, c := range []struct {
		perMinute int
		step, run time.Duration
	}{
		{3, time.Second, 3 * time.Minute},
		{200, 150 * time.Millisecond, 75 * time.Second},
		{6000, 5 * time.Millisecond, 2 * time.Second},
	} {
		clk := newClock(t)
		g := guard(clk.rdb, providers.Limits{RequestsPerMinute: c.perMinute})
		var at []time.Time
		for begin := clk.now; clk.now.Sub(begin) < c.run; clk.advance(c.step) {
			for { // as many as are let in
				leave, refused := enter(t, g)
				if refused != nil {
					break
				}
				leave(done(1, 1))
				at = append(at, clk.now)
			}
		}
		if got, most := busiest(at, time.Minute), c.perMinute; got > most {
			t.Errorf("%d per minute: %d in one", c.perMinute, got)
		}
		if got, most := busiest(at, time.Second), (c.perMinute+59)/60; got > most {
			t.Errorf("%d per minute: %d in a second, want no more than %d", c.perMinute, got, most)
		}
		if fair := int(c.run.Minutes() * float64(c.perMinute) * 3 / 4); len(at) < fair {
			t.Errorf("%d per minute: %d in %v, want %d or more", c.perMinute, len(at), c.run, fair)
		}
	}
}

// busiest is the most times that lie within a window.
func busiest(at []time.Time, window time.Duration) int {
	most, first := 0, 0
	for i := range at {
		for at[i].Sub(at[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	clk := newClock(t)
	g := guard(clk.rdb, providers.Limits{RequestsPerMinute: 3})
	mustEnter(t, g)
	clk.advance(5 * time.Second)
	_, refused := enter(t, g)
	if refused == nil || refused.RetryAfter != 15*time.Second {
		t.Fatalf("got %+v, want 15 s", refused)
	}
	clk.advance(refused.RetryAfter)
	mustEnter(t, g)
}

func TestTokensAreCorrectedToThoseUsed(t *testing.T) {
	for _, c := range []struct {
		name string
		told *providers.Attempt
		wait time.Duration // of the next call
	}{
		{"as estimated", done(60, 40), 10 * time.Second},
		{"fewer", done(20, 10), 3 * time.Second},
		{"more", done(100, 50), 15 * time.Second},
		{"not known", &providers.Attempt{Called: true, Outcome: string(providers.ClassTimeout), Estimated: true}, 10 * time.Second},
		{"turned away", &providers.Attempt{Called: true, Outcome: string(providers.ClassOverloaded)}, 0},
		{"not made", &providers.Attempt{Outcome: tasks.OutcomeBudgetSpent}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			clk := newClock(t)
			g := guard(clk.rdb, providers.Limits{TokensPerMinute: 600})
			mustEnter(t, g)(c.told)
			_, refused := enter(t, g)
			var wait time.Duration
			if refused != nil {
				wait = refused.RetryAfter
			}
			if wait != c.wait {
				t.Errorf("waits %v, want %v", wait, c.wait)
			}
		})
	}
}

func TestACallThatIsNotMadeIsGivenBack(t *testing.T) {
	clk := newClock(t)
	g := guard(clk.rdb, providers.Limits{RequestsPerMinute: 3, Concurrency: 1})
	mustEnter(t, g)(&providers.Attempt{Outcome: tasks.OutcomeBudgetSpent})
	mustEnter(t, g)
}

func TestCallsOfDeadWorkersAreForgotten(t *testing.T) {
	clk := newClock(t)
	dead := mustEnter(t, guard(clk.rdb, providers.Limits{Concurrency: 1}))
	g := guard(clk.rdb, providers.Limits{Concurrency: 1})
	clk.advance(lease - time.Millisecond)
	if _, refused := enter(t, g); refused == nil {
		t.Fatal("a call under way was forgotten")
	}
	clk.advance(time.Millisecond)
	mustEnter(t, g)
	dead(done(1, 1)) // it was not dead after all
	if _, refused := enter(t, g); refused == nil {
		t.Fatal("a late end has freed another call's place")
	}
}

func TestLimitsAreLearntFromRefusalsOfTheProvider(t *testing.T) {
	clk := newClock(t)
	l := providers.Limits{Concurrency: 20}
	g, other := guard(clk.rdb, l), guard(clk.rdb, l)
	var leaves []func(*providers.Attempt)
	for range 16 {
		leaves = append(leaves, mustEnter(t, g))
	}
	clk.advance(time.Millisecond)
	for _, leave := range leaves { // all are turned away: one cut, not sixteen
		leave(turnedAway(0))
	}
	if got := entered(t, other, 30); got != 8 {
		t.Fatalf("%d calls at once after a cut at 16, want 8", got)
	}
	clk.advance(time.Minute)
	if got := entered(t, other, 30); got != 14 {
		t.Errorf("%d calls at once a minute later, want 14", got)
	}
	clk.advance(time.Hour)
	if got := entered(t, other, 30); got != 20 {
		t.Errorf("%d calls at once in the end, want 20", got)
	}
}

func TestRatesAreLearntToo(t *testing.T) {
	clk := newClock(t)
	g := guard(clk.rdb, providers.Limits{RequestsPerMinute: 60})
	mustEnter(t, g)(turnedAway(0))
	clk.advance(time.Second)
	mustEnter(t, g) // the first at the new rate
	if _, refused := enter(t, g); refused == nil || refused.RetryAfter < 1900*time.Millisecond {
		t.Fatalf("half the rate is not held: %v", refused)
	}
	clk.advance(time.Hour)
	mustEnter(t, g)
	clk.advance(time.Second)
	mustEnter(t, g) // at the full rate again
}

func TestLearntLimitsNeverFallBelowOne(t *testing.T) {
	for _, l := range []providers.Limits{{Concurrency: 2, RequestsPerMinute: 3, TokensPerMinute: 1000}, {}} {
		clk := newClock(t)
		g := guard(clk.rdb, l)
		for range 40 {
			clk.advance(2 * time.Minute)
			mustEnter(t, g)(turnedAway(0))
		}
	}
}

func TestAnUnknownLimitIsLearntAndForgotten(t *testing.T) {
	clk := newClock(t)
	g := guard(clk.rdb, providers.Limits{})
	var leaves []func(*providers.Attempt)
	for range 10 {
		leaves = append(leaves, mustEnter(t, g))
	}
	for _, leave := range leaves {
		leave(turnedAway(0))
	}
	if got := entered(t, g, 20); got != 5 {
		t.Errorf("%d calls at once, want 5", got)
	}
	clk.advance(10 * time.Minute)
	if got := entered(t, g, 100); got != 100 {
		t.Errorf("%d calls at once, want all", got)
	}
}

func TestRetryAfterClosesTheProviderForAll(t *testing.T) {
	clk := newClock(t)
	mustEnter(t, guard(clk.rdb, providers.Limits{Concurrency: 5}))(turnedAway(30 * time.Second))
	g := guard(clk.rdb, providers.Limits{Concurrency: 5})
	clk.advance(10 * time.Second)
	if _, refused := enter(t, g); refused == nil || refused.RetryAfter != 20*time.Second {
		t.Fatalf("got %v, want 20 s", refused)
	}
	clk.advance(20 * time.Second)
	mustEnter(t, g)
}

func TestWithoutRedisCallsPass(t *testing.T) {
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	defer rdb.Close()
	var log bytes.Buffer
	rule := func(providers.Candidate) (string, providers.Limits) { return "kimi", providers.Limits{Concurrency: 1} }
	g := limits.New(rdb, limits.Config{Rule: rule, Lease: lease, Patience: time.Minute}, slog.New(slog.NewTextHandler(&log, nil)))
	m.SetError("LOADING")
	for range 3 {
		mustEnter(t, g)(done(1, 1))
	}
	m.SetError("")
	mustEnter(t, g)
	if _, refused := enter(t, g); refused == nil {
		t.Error("the limits are not held again")
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("logged %d lines, want 2:\n%s", n, &log)
	}
}

func TestACanceledCallIsNotLetIn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := guard(redistest.Embedded(t), providers.Limits{}).Enter(ctx, call())
	if providers.ClassOf(err) != providers.ClassCanceled {
		t.Errorf("got %v", err)
	}
}

func TestWhatHasNoScopeHasNoLimits(t *testing.T) {
	rule := func(providers.Candidate) (string, providers.Limits) {
		return "", providers.Limits{Concurrency: 1}
	}
	g := limits.New(nil, limits.Config{Rule: rule, Lease: lease}, slog.New(slog.DiscardHandler))
	mustEnter(t, g)
	mustEnter(t, g)(done(1, 1))
}

// A reset ends a pause that the provider asked for, that of another does not.
func TestReset(t *testing.T) {
	c := newClock(t)
	g := guard(c.rdb, providers.Limits{})
	leave, _ := enter(t, g)
	leave(turnedAway(time.Hour))
	g.Reset(t.Context(), "glm")
	if _, refused := enter(t, g); refused == nil {
		t.Error("the reset of another provider counts")
	}
	g.Reset(t.Context(), "kimi")
	if _, refused := enter(t, g); refused != nil {
		t.Errorf("after the reset: %v", refused)
	}
}
