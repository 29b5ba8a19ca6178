package api

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

func TestRetry(t *testing.T) {
	want := map[tasks.State]int{
		tasks.Scheduled: 409, tasks.Queued: 409, tasks.Running: 409, tasks.Succeeded: 409,
		tasks.Failed: 202, tasks.Canceled: 202,
	}
	for _, state := range tasks.States() {
		t.Run(string(state), func(t *testing.T) {
			m := newMemory()
			h := newAPI(t, Config{}, m.deps())
			job := m.submitted(t)
			m.becomes(job.ID, state)
			w := do(t, h, "POST", "/jobs/"+job.ID+"/retry", "")
			if w.Code != want[state] {
				t.Fatalf("got %d, want %d: %s", w.Code, want[state], w.Body)
			}
			if w.Code == http.StatusConflict {
				if p := decode[httpx.Problem](t, w); p.Code != tasks.CodeConflict {
					t.Errorf("code: got %s", p.Code)
				}
				return
			}
			if got := decode[tasks.Job](t, w); got.ID != job.ID || got.State != tasks.Queued || got.Error != nil {
				t.Errorf("got %+v", got)
			}
			if got, want := w.Header().Get("Location"), "/jobs/"+job.ID; got != want {
				t.Errorf("Location: got %q, want %q", got, want)
			}
			if w.Header().Get("Retry-After") == "" || w.Header().Get("ETag") != `"3"` {
				t.Errorf("headers: got %v", w.Header())
			}
			if again := do(t, h, "POST", "/jobs/"+job.ID+"/retry", ""); again.Code != http.StatusConflict {
				t.Errorf("again: got %d, want 409", again.Code)
			}
		})
	}
}

// restless is Jobs in which a failed job is retried, once, just before anyone
// looks at it.
type restless struct {
	*memory
	retried bool
}

func (r *restless) Job(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	job, err := r.memory.Job(ctx, tenant, id)
	if err == nil && job.State == tasks.Failed && !r.retried {
		r.retried = true
		return r.Retry(ctx, tenant, id)
	}
	return job, err
}

func TestWaitGoesOnOverARetry(t *testing.T) {
	for _, c := range []struct {
		name   string
		endsIn time.Duration // after the retry
		status int
		took   time.Duration
	}{
		{"to the end of the new run", 3 * time.Second, 200, 4 * time.Second},
		{"but no longer than asked", 20 * time.Second, 202, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				deps := m.deps()
				deps.Jobs = &restless{memory: m}
				h := newAPI(t, Config{}, deps)
				go func() {
					time.Sleep(time.Second)
					m.failAll()
					time.Sleep(c.endsIn)
					m.endAll()
				}()
				start := time.Now()
				w := do(t, h, "POST", "/jobs", submission, "Prefer", "wait=10")
				if w.Code != c.status || time.Since(start) != c.took {
					t.Errorf("got %d after %v, want %d after %v", w.Code, time.Since(start), c.status, c.took)
				}
				time.Sleep(c.endsIn) // lets the job end before the bubble does
			})
		})
	}
}

func TestWaitForARetriedJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		job := m.submitted(t)
		m.becomes(job.ID, tasks.Failed)
		do(t, h, "POST", "/jobs/"+job.ID+"/retry", "")
		go func() {
			time.Sleep(time.Second)
			m.becomes(job.ID, tasks.Succeeded)
		}()
		start := time.Now()
		w := do(t, h, "GET", "/jobs/"+job.ID, "", "Prefer", "wait=30")
		if got := decode[tasks.Job](t, w); got.State != tasks.Succeeded || time.Since(start) != time.Second {
			t.Errorf("got %s after %v, want succeeded after 1s", got.State, time.Since(start))
		}
	})
}

func TestFollowARetriedJobToItsLastEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		query string
		want  []int64
	}{
		{"from the beginning", "", []int64{1, 2, 3, 4}},
		{"from the first run's end", "?starting_after=2", []int64{3, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				h := newAPI(t, Config{}, m.deps())
				job := m.submitted(t)
				m.becomes(job.ID, tasks.Canceled)
				do(t, h, "POST", "/jobs/"+job.ID+"/retry", "")
				s, stop := follow(t, h, "/jobs/"+job.ID+"/events"+c.query)
				defer stop()
				if got := <-s.status; got != http.StatusOK {
					t.Fatalf("status: got %d, want 200", got)
				}
				go func() {
					time.Sleep(time.Second)
					m.becomes(job.ID, tasks.Succeeded)
				}()
				if got := s.rest(t); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}
