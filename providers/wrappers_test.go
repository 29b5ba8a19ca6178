package providers_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
)

// generate asks p something on a model.
func generate(ctx context.Context, p providers.Provider, model string) (*providers.Response, error) {
	return p.Generate(ctx, &providers.Request{Model: model}, func(providers.Delta) {})
}

func TestWithTimeout(t *testing.T) {
	why := errors.New("the job was canceled")
	for _, c := range []struct {
		name   string
		cancel time.Duration // when the caller gives up
		want   providers.Class
		after  time.Duration
	}{
		{"our limit is a timeout", never, providers.ClassTimeout, time.Minute},
		{"the caller's end is not", time.Second, providers.ClassCanceled, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), c.cancel, why)
				defer cancel()
				began := time.Now()
				_, err := generate(ctx, providers.WithTimeout(providertest.NewFake("a").Does(providertest.Hang()), time.Minute), "m")
				if got := providers.ClassOf(err); got != c.want {
					t.Errorf("class %q, want %q: %v", got, c.want, err)
				}
				if errors.Is(err, why) != (c.want == providers.ClassCanceled) {
					t.Errorf("cause of %v", err)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
			})
		})
	}
	failing := providertest.NewFake("a").Does(providertest.FailWith(providers.ClassQuotaDead))
	if _, err := generate(t.Context(), providers.WithTimeout(failing, time.Minute), "m"); providers.ClassOf(err) != providers.ClassQuotaDead {
		t.Errorf("a failure in time keeps its class: %v", err)
	}
}

func TestWithStallTimeout(t *testing.T) {
	for _, c := range []struct {
		name  string
		gaps  []int // seconds before each delta
		want  providers.Class
		after time.Duration
	}{
		{"steady", []int{9, 4, 4, 4}, "", 21 * time.Second},
		{"never begins", []int{11}, providers.ClassTimeout, 10 * time.Second},
		{"stands still", []int{9, 4, 6}, providers.ClassTimeout, 18 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dripping := func(ctx context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
					for _, gap := range c.gaps {
						select {
						case <-time.After(time.Duration(gap) * time.Second):
							onDelta(providers.Delta{Text: "x"})
						case <-ctx.Done():
							return nil, providers.Canceled(ctx)
						}
					}
					return &providers.Response{}, nil
				}
				began := time.Now()
				p := providers.WithStallTimeout(providertest.NewFake("a").Does(dripping), 10*time.Second, 5*time.Second)
				_, err := generate(t.Context(), p, "m")
				if got := providers.ClassOf(err); got != c.want {
					t.Errorf("class %q, want %q: %v", got, c.want, err)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
			})
		})
	}
}

func TestWithSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
			time.Sleep(time.Second)
			return &providers.Response{}, nil
		}
		p := providers.WithSlots(providertest.NewFake("a").Does(slow), 2)
		took := func(model string) <-chan time.Duration {
			done, began := make(chan time.Duration, 1), time.Now()
			go func() {
				_, _ = generate(t.Context(), p, model)
				done <- time.Since(began)
			}()
			synctest.Wait()
			return done
		}
		first, second, third, other := took("m"), took("m"), took("m"), took("n")

		why := errors.New("no longer wanted")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second/2, why)
		defer cancel()
		if _, err := generate(ctx, p, "m"); providers.ClassOf(err) != providers.ClassCanceled || !errors.Is(err, why) {
			t.Errorf("waiting for a slot ends with its context: %v", err)
		}
		for _, c := range []struct {
			name string
			got  time.Duration
			want time.Duration
		}{
			{"first", <-first, time.Second}, {"second", <-second, time.Second},
			{"third waits", <-third, 2 * time.Second}, {"other model", <-other, time.Second},
		} {
			if c.got != c.want {
				t.Errorf("%s: took %v, want %v", c.name, c.got, c.want)
			}
		}
	})
}

// A provider that hangs is asked by jobs whose own time is shorter than its
// limits: it leaves some to the next candidate, and is at fault.
func TestACandidateThatHangsLeavesTimeToOthers(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		stopAt   time.Duration // 0: there is no other lane
		next     bool          // there is a next candidate
		want     []string
		after    time.Duration
	}{
		{"another candidate", 20 * time.Second, 0, true, []string{"a/m:timeout", "b/m:succeeded"}, 10 * time.Second},
		{"another lane", 20 * time.Second, time.Second, false, []string{"a/m:timeout"}, 10 * time.Second},
		{"nobody else", 20 * time.Second, 0, false, []string{"a/m:timeout"}, 18 * time.Second},
		{"its own limit is shorter", time.Hour, 0, true, []string{"a/m:timeout", "b/m:succeeded"}, 45 * time.Second},
		{"too little time to judge it", 5 * time.Second, 0, true, []string{"a/m:canceled"}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				var heard []string
				limited := func(f *providertest.Fake) providers.Candidate {
					return providers.Candidate{Provider: providers.WithStallTimeout(f, 45*time.Second, 20*time.Second), Model: "m"}
				}
				route := &providers.Route{
					Candidates: []providers.Candidate{limited(providertest.NewFake("a").Does(providertest.Hang()))},
					OnAttempt:  func(a providers.Attempt) { heard = append(heard, a.Candidate+":"+a.Outcome) },
				}
				if c.next {
					route.Candidates = append(route.Candidates, limited(providertest.NewFake("b").Does(providertest.Answer("{}"))))
				}
				began := time.Now()
				if c.stopAt > 0 {
					route.StopAt = began.Add(c.stopAt)
				}
				_, err := providers.NewRouter(slog.New(slog.DiscardHandler)).Run(ctx, route)
				if (err == nil) != c.next && c.deadline >= 20*time.Second {
					t.Errorf("error %v", err)
				}
				wantHeard(t, heard, c.want...)
				if took := time.Since(began); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
			})
		})
	}
}
