package worker

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// sharing asks for the agent whose results are shared. Its data stays here, so
// that one lane serves it.
func sharing(s *tasks.Submission) { s.Agent, s.Privacy = "T2", tasks.LocalOnly }

// twoSlots lets a second job's ticket be taken while the first one runs.
func twoSlots(c *Config) { c.LocalSlots = 2 }

// held is a behaviour that tells when it was asked and goes on when it is let go
// or given up.
func held(then providertest.Behavior) (b providertest.Behavior, asked chan bool, letGo chan bool) {
	asked, letGo = make(chan bool, 1), make(chan bool)
	return func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		asked <- true
		select {
		case <-letGo:
			return then(ctx, req, onDelta)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}, asked, letGo
}

// follows fails the test unless the job waits for the leader.
func (w *world) follows(t *testing.T, j *tasks.Job, leader string) {
	t.Helper()
	if j.Plan.Reason != tasks.PlanShared || j.Waiting == nil || j.Waiting.Queue != "shared.medium" {
		t.Fatalf("job: got plan %+v, waiting %+v; want one that shares", j.Plan, j.Waiting)
	}
	if got := w.rdb.HGet(t.Context(), "spillway:{0}:job:"+j.ID, "follows").Val(); got != leader {
		t.Fatalf("it follows %q, want %q", got, leader)
	}
}

func TestEqualJobsShareOneRun(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb)
		b, asked, letGo := held(providertest.Answer(answer))
		w.local.Does(b)
		w.start(t, localLane, twoSlots)
		first := w.submit(t, sharing)
		wait(t, asked)
		var others []*tasks.Job
		for range 3 {
			j := w.submit(t, sharing)
			w.follows(t, j, first.ID)
			others = append(others, j)
		}
		close(letGo)
		if j := w.end(t, first.ID); j.AnsweredBy != tasks.ByModel || string(j.Result) != answer {
			t.Errorf("leader: got %s by %s", j.Result, j.AnsweredBy)
		}
		for _, o := range others {
			j := w.end(t, o.ID)
			if j.State != tasks.Succeeded || j.AnsweredBy != tasks.ByCache || j.AnsweredAs != first.ID || string(j.Result) != answer || j.Attempt != 0 {
				t.Errorf("follower: got %s, %s by %q as %q in %d attempts", j.State, j.Result, j.AnsweredBy, j.AnsweredAs, j.Attempt)
			}
		}
		if n := len(w.local.Asked()); n != 1 {
			t.Errorf("model calls: got %d, want 1", n)
		}
		if j := w.submit(t, sharing); j.State != tasks.Succeeded || j.AnsweredAs != first.ID {
			t.Errorf("a later one: got %s as %q, want the result at once", j.State, j.AnsweredAs)
		}
		other := w.submit(t, sharing, func(s *tasks.Submission) { s.Cache = tasks.CacheBypassed })
		if j := w.end(t, other.ID); j.AnsweredBy != tasks.ByModel || len(w.local.Asked()) != 2 {
			t.Errorf("one that wants no other's result: got it by %s, %d calls", j.AnsweredBy, len(w.local.Asked()))
		}
	})
}

// A follower takes over when its leader brings it nothing.
func TestAFollowerTakesOver(t *testing.T) {
	for name, test := range map[string]struct {
		first providertest.Behavior            // of the leader's call
		end   func(*testing.T, *world, string) // what befalls the leader
		calls int
		state tasks.State
	}{
		"from one that was canceled": {first: providertest.Answer(answer), calls: 2, state: tasks.Canceled,
			end: func(t *testing.T, w *world, id string) {
				if _, err := w.store.Cancel(t.Context(), tenant, id); err != nil {
					t.Fatalf("cancel: %v", err)
				}
			}},
		"from one that the scorecard answered": {first: dead, calls: 3, state: tasks.Succeeded,
			end: func(*testing.T, *world, string) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			b, asked, letGo := held(test.first)
			steps := []providertest.Behavior{b}
			if test.calls == 3 { // the leader asks its second model, too
				steps = append(steps, dead)
			}
			w.local.Does(providertest.Sequence(append(steps, providertest.Answer(answer))...))
			w.start(t, localLane, twoSlots)
			first := w.submit(t, sharing)
			wait(t, asked)
			one, two := w.submit(t, sharing), w.submit(t, sharing)
			w.follows(t, one, first.ID)
			test.end(t, w, first.ID)
			close(letGo)
			if j := w.end(t, first.ID); j.State != test.state || j.AnsweredBy == tasks.ByModel {
				t.Errorf("leader: got %s by %q", j.State, j.AnsweredBy)
			}
			by := []tasks.AnsweredBy{w.end(t, one.ID).AnsweredBy, w.end(t, two.ID).AnsweredBy}
			slices.Sort(by)
			if want := []tasks.AnsweredBy{tasks.ByCache, tasks.ByModel}; !slices.Equal(by, want) {
				t.Errorf("followers: answered by %v, want %v", by, want)
			}
			if n := len(w.local.Asked()); n != test.calls {
				t.Errorf("model calls: got %d, want %d", n, test.calls)
			}
		})
	}
}

func TestAFollowerOutlivesItsLeadersWorker(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb, shortLease)
		first := w.submit(t, sharing)
		if c, err := w.store.Claim(t.Context(), first.ID, tasks.Local, "killed"); err != nil || c.Verdict != store.Claimed {
			t.Fatalf("claim: got %+v, %v", c, err)
		}
		j := w.submit(t, sharing)
		w.follows(t, j, first.ID)
		w.start(t, localLane, twoSlots)
		for _, id := range []string{first.ID, j.ID} {
			if got := w.end(t, id); got.State != tasks.Succeeded || string(got.Result) != answer || got.Degraded {
				t.Errorf("%s: got %s %s, degraded %v", id, got.State, got.Result, got.Degraded)
			}
		}
	})
}

func TestAFollowerFindsWhatItsLeadersWorkerDidNotTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	first := w.submit(t, sharing)
	c, err := w.store.Claim(t.Context(), first.ID, tasks.Local, "killed")
	if err != nil || c.Verdict != store.Claimed {
		t.Fatalf("claim: got %+v, %v", c, err)
	}
	j := w.submit(t, sharing)
	w.follows(t, j, first.ID)
	if err := w.store.Complete(t.Context(), first.ID, 1, store.Result{Output: json.RawMessage(answer)}, nil); err != nil {
		t.Fatalf("complete: %v", err)
	}
	w.start(t, localLane)
	if got := w.end(t, j.ID); got.AnsweredBy != tasks.ByCache || got.AnsweredAs != first.ID || len(w.local.Asked()) > 0 {
		t.Errorf("follower: got it by %q as %q, %d calls", got.AnsweredBy, got.AnsweredAs, len(w.local.Asked()))
	}
}

func TestAFollowerOfNobodyRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	first := w.submit(t, sharing)
	if err := w.rdb.Del(t.Context(), "spillway:{0}:job:"+first.ID).Err(); err != nil {
		t.Fatal(err)
	}
	j := w.submit(t, sharing)
	w.follows(t, j, first.ID)
	w.start(t, localLane)
	if got := w.end(t, j.ID); got.AnsweredBy != tasks.ByModel {
		t.Errorf("got it by %q", got.AnsweredBy)
	}
}

func TestAFollowerSpills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	b, asked, letGo := held(providertest.Answer(answer))
	defer close(letGo)
	w.local.Does(b)
	w.start(t, bothLanes) // with one slot beside the local models, which the leader has
	shared := func(s *tasks.Submission) { s.Agent = "T2" }
	first := w.submit(t, shared)
	wait(t, asked)
	j := w.submit(t, shared, func(s *tasks.Submission) { s.Deadline = time.Now().Add(18 * time.Second) })
	if j.Plan.Reason != tasks.PlanShared {
		t.Fatalf("plan: got %+v, want shared", j.Plan)
	}
	// Its time is too short for the local lane: the cloud gets its chance at once,
	// and does not wait for the leader.
	if got := w.end(t, j.ID); got.Lane != tasks.Cloud || got.AnsweredBy != tasks.ByModel {
		t.Errorf("follower: got it by %q on %q after %v; plan %+v", got.AnsweredBy, got.Lane, outcomes(got), got.Plan)
	}
	if got, err := w.store.Find(t.Context(), first.ID); err != nil || got.State != tasks.Running {
		t.Errorf("leader: got %+v, %v, want it to run", got, err)
	}
}

func TestADeadFollowersTicketIsSpent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	one := New(defaults(), Parts{Store: w.store, Dispatcher: w.Dispatcher, Agents: testAgents(t), Log: quiet})
	w.submit(t, sharing)
	j := w.submit(t, sharing)
	if _, err := w.store.Cancel(t.Context(), tenant, j.ID); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	for _, id := range []string{j.ID, tasks.NewID()} {
		if err := one.handle(t.Context(), queue.Ticket{JobID: id, Lane: tasks.Local}); err != nil {
			t.Errorf("ticket: got %v, want it acknowledged", err)
		}
	}
	if digest, err := equal.Digest(j, json.RawMessage(`{"kind": "good"}`)); err != nil || len(digest) != 64 {
		t.Errorf("digest: got %q, %v", digest, err)
	}
}
