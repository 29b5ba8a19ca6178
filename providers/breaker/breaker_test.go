package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// candidate is what the tests of a single circuit call.
var candidate = providers.Candidate{Provider: providertest.NewFake("a"), Model: "m"}

// desk makes calls that end as told, through a guard.
type desk struct {
	t     *testing.T
	guard *breaker.Guard
}

func newDesk(t *testing.T, cfg breaker.Config) desk {
	t.Helper()
	return desk{t, breaker.New(cfg, slog.New(slog.DiscardHandler))}
}

// begin begins a call; it returns nil and the refusal where it is refused.
func (d desk) begin() (leave func(*providers.Attempt), refusal *providers.Refusal) {
	d.t.Helper()
	leave, err := d.guard.Enter(d.t.Context(), &providers.Call{Candidate: candidate})
	if err == nil {
		return leave, nil
	}
	refusal, ok := errors.AsType[*providers.Refusal](err)
	if !ok || refusal.Reason != tasks.OutcomeBreakerOpen || refusal.RetryAfter <= 0 {
		d.t.Fatalf("refused with %#v", err)
	}
	return nil, refusal
}

// call makes a call with an outcome, and reports whether it was let in.
func (d desk) call(outcome string) bool {
	d.t.Helper()
	leave, _ := d.begin()
	if leave == nil {
		return false
	}
	leave(ended(outcome))
	return true
}

func ended(outcome string) *providers.Attempt {
	return &providers.Attempt{Called: true, Outcome: outcome}
}

// letIn is how many of n calls with an outcome are let in.
func (d desk) letIn(n int, outcome string) int {
	d.t.Helper()
	in := 0
	for range n {
		if d.call(outcome) {
			in++
		}
	}
	return in
}

func (d desk) state() breaker.Status {
	d.t.Helper()
	all := d.guard.States()
	if len(all) != 1 {
		d.t.Fatalf("%d circuits, want 1", len(all))
	}
	return all[0]
}

// TestEveryClass calls twenty times with each outcome and looks how many calls
// were let in.
func TestEveryClass(t *testing.T) {
	want := map[providers.Class]int{
		providers.ClassRateLimited: 20, providers.ClassBadRequest: 20, providers.ClassContextOverflow: 20,
		providers.ClassContentBlocked: 20, providers.ClassCanceled: 20,
		providers.ClassOverloaded: 5, providers.ClassServer: 5, providers.ClassTimeout: 5, providers.ClassTransport: 5,
		providers.ClassBadOutput: 5, providers.ClassQuotaDead: 1, providers.ClassAuthDead: 1,
	}
	for _, class := range providers.Classes() {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := newDesk(t, breaker.Config{}).letIn(20, string(class)); got != want[class] {
					t.Errorf("%d of 20 calls were let in, want %d", got, want[class])
				}
			})
		})
	}
	for _, outcome := range []string{tasks.OutcomeSucceeded, tasks.OutcomeLimitReached, "unheard of"} {
		if got := newDesk(t, breaker.Config{}).letIn(20, outcome); got != 20 {
			t.Errorf("%s: %d of 20 calls were let in", outcome, got)
		}
	}
}

func TestFailuresMustBeInARow(t *testing.T) {
	d := newDesk(t, breaker.Config{})
	for range 5 {
		d.letIn(4, string(providers.ClassServer))
		d.call(string(providers.ClassCanceled)) // changes nothing
		d.call(tasks.OutcomeSucceeded)
	}
	if s := d.state(); s.State != breaker.Closed || s.Failures != 0 {
		t.Errorf("state %+v", s)
	}
}

func TestAMixOfFailuresOpens(t *testing.T) {
	d := newDesk(t, breaker.Config{})
	for i := range 10 {
		class := []providers.Class{providers.ClassServer, providers.ClassBadOutput}[i%2]
		if in := d.call(string(class)); in != (i < 5) {
			t.Fatalf("call %d let in: %t", i, in)
		}
	}
}

func TestTheRateOpens(t *testing.T) {
	d := newDesk(t, breaker.Config{Rate: 0.5, Window: 10})
	d.letIn(4, tasks.OutcomeSucceeded)
	in := 0
	for i := range 40 {
		outcome := tasks.OutcomeSucceeded
		if i%3 > 0 {
			outcome = string(providers.ClassServer) // two of three
		}
		if !d.call(outcome) {
			break
		}
		in++
	}
	if in != 8 {
		t.Errorf("opened after %d calls, want 8: then 5 of 10 have failed", in)
	}
}

func TestASlowSuccessIsAFailure(t *testing.T) {
	d := newDesk(t, breaker.Config{Slow: func(providers.Candidate) time.Duration { return time.Minute }})
	for _, took := range []time.Duration{time.Minute - 1, time.Minute} {
		in := 0
		for range 20 {
			if leave, _ := d.begin(); leave != nil {
				in++
				leave(&providers.Attempt{Called: true, Outcome: tasks.OutcomeSucceeded, Duration: took})
			}
		}
		if want := map[time.Duration]int{time.Minute - 1: 20, time.Minute: 5}[took]; in != want {
			t.Errorf("%v: %d of 20 calls were let in, want %d", took, in, want)
		}
	}
}

// TestCoolDown looks for how long a circuit is open each time its probe fails.
func TestCoolDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		class  providers.Class
		shut   []time.Duration // the first time, the second, …
		limits breaker.Config
	}{
		{
			"longer from time to time", providers.ClassServer,
			[]time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute},
			breaker.Config{CoolDown: 10 * time.Second, MaxCoolDown: time.Minute},
		},
		{
			"short after bad answers", providers.ClassBadOutput,
			[]time.Duration{5 * time.Second, 5 * time.Second}, breaker.Config{BadCoolDown: 5 * time.Second},
		},
		{
			"long when a person must act", providers.ClassAuthDead,
			[]time.Duration{10 * time.Minute, 10 * time.Minute}, breaker.Config{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, c.limits)
				d.letIn(20, string(c.class))
				for i, want := range c.shut {
					_, refusal := d.begin()
					if refusal == nil || refusal.RetryAfter != want {
						t.Fatalf("opening %d: %+v, want to come back after %v", i, refusal, want)
					}
					if s := d.state(); s.State != breaker.Open || time.Until(s.RetryAt) != want || s.Reason != string(c.class) {
						t.Errorf("opening %d: state %+v", i, s)
					}
					time.Sleep(want)
					if in := d.letIn(20, string(c.class)); in != 1 {
						t.Fatalf("opening %d: %d probes, want 1", i, in)
					}
				}
			})
		})
	}
}

func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, breaker.Config{CoolDown: time.Second})
		d.letIn(5, string(providers.ClassServer))
		time.Sleep(time.Second)
		if s := d.state(); s.State != breaker.HalfOpen {
			t.Errorf("state %+v", s)
		}
		probe, _ := d.begin()
		if probe == nil {
			t.Fatal("no probe was let in")
		}
		if in := d.letIn(20, tasks.OutcomeSucceeded); in != 0 {
			t.Errorf("%d calls beside the probe", in)
		}
		told := ended(tasks.OutcomeSucceeded)
		probe(told)
		if told.Breaker != string(breaker.HalfOpen) || d.state().State != breaker.Closed {
			t.Errorf("the probe was told %q, the state is %+v", told.Breaker, d.state())
		}
		if in := d.letIn(20, tasks.OutcomeSucceeded); in != 20 {
			t.Errorf("%d of 20 calls were let in by the closed circuit", in)
		}
		// It starts from the beginning again.
		d.letIn(20, string(providers.ClassServer))
		if _, refusal := d.begin(); refusal == nil || refusal.RetryAfter != time.Second {
			t.Errorf("the cool-down after a success is %+v, want the shortest", refusal)
		}
	})
}

// A probe that never got to its candidate, or says nothing of it, leaves its
// place to the next call.
func TestAProbeThatTellsNothing(t *testing.T) {
	for _, a := range []*providers.Attempt{
		{Outcome: tasks.OutcomeLimitReached},
		ended(string(providers.ClassCanceled)), ended(string(providers.ClassBadRequest)), ended(string(providers.ClassRateLimited)),
	} {
		t.Run(a.Outcome, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, breaker.Config{CoolDown: time.Second})
				d.letIn(5, string(providers.ClassServer))
				time.Sleep(time.Second)
				probe, _ := d.begin()
				probe(a)
				if s := d.state(); s.State != breaker.HalfOpen {
					t.Errorf("state %+v", s)
				}
				if !d.call(tasks.OutcomeSucceeded) || d.state().State != breaker.Closed {
					t.Errorf("the next call is no probe; state %+v", d.state())
				}
			})
		})
	}
}

func TestCallsOfAnEarlierTimeDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, breaker.Config{CoolDown: time.Second})
		early, _ := d.begin()
		late, _ := d.begin()
		d.letIn(5, string(providers.ClassServer))
		early(ended(tasks.OutcomeSucceeded))
		if s := d.state(); s.State != breaker.Open {
			t.Errorf("a success from before closed it: %+v", s)
		}
		time.Sleep(time.Second)
		d.call(tasks.OutcomeSucceeded)
		late(ended(string(providers.ClassServer)))
		if s := d.state(); s.State != breaker.Closed || s.Failures != 0 {
			t.Errorf("a failure from before counts: %+v", s)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, c := range []struct {
		class             providers.Class
		retryAfter, after time.Duration
	}{
		{providers.ClassRateLimited, 7 * time.Second, 7 * time.Second},
		{providers.ClassRateLimited, 24 * time.Hour, 10 * time.Minute},
		{providers.ClassOverloaded, 7 * time.Second, 7 * time.Second},
		{providers.ClassBadRequest, 7 * time.Second, 0},
	} {
		t.Run(fmt.Sprintf("%s %v", c.class, c.retryAfter), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, breaker.Config{})
				leave, _ := d.begin()
				leave(&providers.Attempt{Called: true, Outcome: string(c.class), RetryAfter: c.retryAfter})
				if c.after > 0 {
					if _, refusal := d.begin(); refusal == nil || refusal.RetryAfter != c.after {
						t.Fatalf("got %+v, want to come back after %v", refusal, c.after)
					}
					if s := d.state(); s.State != breaker.Open || time.Until(s.RetryAt) != c.after {
						t.Errorf("state %+v", s)
					}
				}
				time.Sleep(c.after)
				if in := d.letIn(20, tasks.OutcomeSucceeded); in != 20 {
					t.Errorf("%d of 20 calls were let in afterwards", in)
				}
			})
		})
	}
}

func TestExemptProvidersAreNeverRefused(t *testing.T) {
	if in := newDesk(t, breaker.Config{Exempt: []string{"a"}}).letIn(20, string(providers.ClassAuthDead)); in != 20 {
		t.Errorf("%d of 20 calls were let in", in)
	}
}

// A broken provider is left after five failures, by one run after the other and
// by many at once; what follows goes to the next candidate.
func TestABrokenProviderIsLeft(t *testing.T) {
	const jobs = 200
	for _, at := range []int{1, 16} {
		t.Run(fmt.Sprintf("%d at once", at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := providertest.NewFake("broken").Does(lasting(time.Second, providertest.FailWith(providers.ClassServer)))
				well := providertest.NewFake("well")
				guard := breaker.New(breaker.Config{CoolDown: time.Hour, MaxCoolDown: time.Hour}, slog.New(slog.DiscardHandler))
				router := providers.NewRouter(slog.New(slog.DiscardHandler), guard)
				queue := make(chan struct{})
				var runs sync.WaitGroup
				for range at {
					runs.Go(func() {
						for range queue {
							if _, err := router.Run(t.Context(), &providers.Route{Candidates: []providers.Candidate{
								{Provider: broken, Model: "m"}, {Provider: well, Model: "m"},
							}}); err != nil {
								t.Errorf("run: %v", err)
							}
						}
					})
				}
				for range jobs {
					queue <- struct{}{}
				}
				close(queue)
				runs.Wait()
				// Calls that are under way when the fifth fails cannot be unmade.
				if got, most := len(broken.Asked()), 5+at-1; got > most {
					t.Errorf("the broken provider was asked %d times, want at most %d", got, most)
				}
				if got := len(well.Asked()); got != jobs {
					t.Errorf("the other answered %d of %d", got, jobs)
				}
			})
		})
	}
}

// lasting takes some time before it does b.
func lasting(d time.Duration, b providertest.Behavior) providertest.Behavior {
	return func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		time.Sleep(d)
		return b(ctx, req, onDelta)
	}
}

func TestAnOpenBreakerTellsWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := providertest.NewFake("dead").Does(providertest.FailWith(providers.ClassQuotaDead))
		router := providers.NewRouter(slog.New(slog.DiscardHandler), breaker.New(breaker.Config{}, slog.New(slog.DiscardHandler)))
		run := func() (*providers.ExhaustedError, []providers.Attempt) {
			var heard []providers.Attempt
			_, err := router.Run(t.Context(), &providers.Route{
				Candidates: []providers.Candidate{{Provider: dead, Model: "m"}},
				OnAttempt:  func(a providers.Attempt) { heard = append(heard, a) },
			})
			e, _ := errors.AsType[*providers.ExhaustedError](err)
			return e, heard
		}
		run()
		e, heard := run()
		if e == nil || e.Class != "" || e.Refused != tasks.OutcomeBreakerOpen || e.RetryAfter != 10*time.Minute {
			t.Errorf("got %+v", e)
		}
		if len(heard) != 1 || heard[0].Called || heard[0].Outcome != tasks.OutcomeBreakerOpen || heard[0].Breaker != string(breaker.Open) {
			t.Errorf("heard %+v", heard)
		}
	})
}

// A reset ends an open circuit and a pause that the server asked for, and a call
// that was under way then says nothing of what comes after.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, breaker.Config{})
		late, _ := d.begin()
		later, _ := d.begin()
		d.call(string(providers.ClassQuotaDead))
		if s := d.state(); s.State != breaker.Open || !s.Since.Equal(time.Now()) {
			t.Fatalf("got %+v, want it open since now", s)
		}
		d.guard.Reset("another")
		if d.call(tasks.OutcomeSucceeded) {
			t.Error("the reset of another provider counts")
		}
		d.guard.Reset("a")
		if s := d.state(); s.State != breaker.Closed || s.Failures != 0 || !s.Since.IsZero() || !d.call(tasks.OutcomeSucceeded) {
			t.Errorf("after the reset: got %+v", s)
		}
		late(ended(string(providers.ClassQuotaDead)))
		later(&providers.Attempt{Called: true, Outcome: string(providers.ClassRateLimited), RetryAfter: time.Minute})
		if s := d.state(); s.State != breaker.Closed || s.Failures != 0 {
			t.Errorf("a call from before the reset counts: %+v", s)
		}
		leave, _ := d.begin()
		leave(&providers.Attempt{Called: true, Outcome: string(providers.ClassRateLimited), RetryAfter: time.Minute})
		if d.call(tasks.OutcomeSucceeded) {
			t.Fatal("let in while it is to be left alone")
		}
		d.guard.Reset("a")
		if !d.call(tasks.OutcomeSucceeded) {
			t.Error("a pause outlasts the reset")
		}
	})
}

// A circuit that nobody probes is not listed as half open for ever.
func TestAnIdleHalfOpenCircuitCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, breaker.Config{DeadCoolDown: 10 * time.Minute})
		for range 5 {
			d.call(string(providers.ClassServer))
		}
		for _, step := range []struct {
			after time.Duration
			want  breaker.State
		}{{0, breaker.Open}, {10 * time.Second, breaker.HalfOpen}, {10*time.Minute - time.Second, breaker.HalfOpen}, {time.Second, breaker.Closed}} {
			time.Sleep(step.after)
			if s := d.guard.States()[0]; s.State != step.want || (step.want == breaker.Closed) != (s.Failures == 0) {
				t.Errorf("after another %v: %+v, want %s", step.after, s, step.want)
			}
		}
	})
}
