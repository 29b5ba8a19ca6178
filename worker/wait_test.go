package worker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/tasks"
)

// refuser is a guard that refuses the calls of a provider until a time.
type refuser struct {
	provider string
	model    string // "": all
	refusal  providers.Refusal

	mu    sync.Mutex
	until time.Time
}

// refusingModel refuses the calls of one model.
func refusingModel(model string, d time.Duration) *refuser {
	r := refusing("ollama", tasks.OutcomeLimitReached, providers.Busy, d)
	r.model = model
	return r
}

func (r *refuser) Enter(_ context.Context, c *providers.Call) (func(*providers.Attempt), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := time.Until(r.until); c.Candidate.Provider.Name() == r.provider && (r.model == "" || r.model == c.Candidate.Model) && left > 0 {
		refusal := r.refusal
		refusal.RetryAfter = left
		return nil, &refusal
	}
	return func(*providers.Attempt) {}, nil
}

func refusing(provider, reason string, c providers.Condition, d time.Duration) *refuser {
	return &refuser{provider: provider, refusal: providers.Refusal{Reason: reason, Condition: c, Message: "as told"}, until: time.Now().Add(d)}
}

// A refusal that names a time is not the end of a lane: the job waits, and gets
// its slot's neighbours through meanwhile.
func TestAJobWaitsForACandidateThatHasNoRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		reason    string
		condition providers.Condition
		wait      time.Duration
		degraded  bool
	}{
		{"a moment", tasks.OutcomeLimitReached, providers.Busy, 300 * time.Millisecond, false},
		{"longer than it holds its slot", tasks.OutcomeLimitReached, providers.Busy, 5 * time.Second, false},
		{"a budget that is only reserved", tasks.OutcomeBudgetSpent, providers.Busy, 4 * time.Second, false},
		{"a breaker that half-opens", tasks.OutcomeBreakerOpen, providers.Failing, 4 * time.Second, false},
		{"a breaker that stays open beyond the target", tasks.OutcomeBreakerOpen, providers.Failing, time.Hour, true},
		{"a limit that ends beyond the deadline", tasks.OutcomeLimitReached, providers.Busy, time.Hour, true},
		{"a budget that is spent", tasks.OutcomeBudgetSpent, providers.Lasting, 4 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			w.guards = []providers.Guard{refusing("deepseek", c.reason, c.condition, c.wait)}
			w.start(t, cloudLane)
			j := w.end(t, w.submit(t).ID)
			if j.Degraded != c.degraded || !slices.Contains(outcomes(j), "deepseek/chat "+c.reason) {
				t.Errorf("degraded %v, attempts %v", j.Degraded, outcomes(j))
			}
			if len(j.Exhausted) > 0 && !c.degraded {
				t.Errorf("exhausted: %v", j.Exhausted)
			}
		})
	}
}

// While the local lane is busy the cloud is waited for, and not given up.
func TestABusyCloudIsNotExhausted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.guards = []providers.Guard{refusing("deepseek", tasks.OutcomeLimitReached, providers.Busy, 5*time.Second)}
	hung, asked, _ := hangs()
	w.local.Does(hung)
	w.start(t, bothLanes)
	first := w.submit(t, func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly })
	wait(t, asked)                                                                                // the only slot beside the local model is taken
	j := w.submit(t, func(s *tasks.Submission) { s.Deadline = time.Now().Add(15 * time.Second) }) // too soon for local
	if j = w.end(t, j.ID); j.Lane != tasks.Cloud || j.Degraded {
		t.Errorf("answered on %s, degraded %v: %v", j.Lane, j.Degraded, outcomes(j))
	}
	if _, err := w.store.Cancel(t.Context(), tenant, first.ID); err != nil {
		t.Error(err)
	}
}

// Many jobs at once, and a cloud that lets in one call each 50 ms, one at a time:
// each gets its answer, and those for another cloud do not wait for them.
func TestManyJobsShareALimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	rule := func(c providers.Candidate) (string, providers.Limits) {
		return c.Provider.Name(), providers.Limits{Concurrency: 1, RequestsPerMinute: 240}
	}
	w.guards = []providers.Guard{limits.New(w.rdb, limits.Config{Rule: rule, Lease: time.Minute}, quiet)}
	w.start(t, cloudLane, func(c *Config) { c.CloudSlots = 4 })
	var jobs []*tasks.Job
	for i := range 30 {
		jobs = append(jobs, w.submit(t, func(s *tasks.Submission) {
			s.Metadata = map[string]string{"n": fmt.Sprint(i)}
			s.Cache = tasks.CacheBypassed
		}))
	}
	for _, j := range jobs {
		if j = w.end(t, j.ID); j.Degraded || j.Attempt > 6 {
			t.Errorf("degraded %v after %d claims: %v", j.Degraded, j.Attempt, outcomes(j))
		}
	}
}

// Who has failed for good is not asked, and paid, again each time that the job
// comes back for another.
func TestACandidateThatHasFailedIsNotAskedAgainWhileAnotherHasNoRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(dead)
	w.guards = []providers.Guard{refusingModel("large", 8*time.Second)}
	w.start(t, localLane)
	j := w.submit(t, func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly })
	j = w.end(t, j.ID)
	want := []string{"ollama/small bad_request", "ollama/large limit_reached", "ollama/large bad_request", "scorecard/rules succeeded"}
	got := slices.CompactFunc(outcomes(j), func(a, b string) bool { return a == b })
	if !slices.Equal(got, want) || len(w.local.Asked()) != 2 {
		t.Errorf("attempts %v, asked %d times", got, len(w.local.Asked()))
	}
}
