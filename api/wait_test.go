package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestWaitForAJob(t *testing.T) {
	for _, c := range []struct {
		name    string
		prefer  string
		endsIn  time.Duration
		status  int
		took    time.Duration
		applied string
	}{
		{"ends in time", "wait=30", 3 * time.Second, 200, 3 * time.Second, "wait=30"},
		{"ends too late", "wait=2", 3 * time.Second, 202, 2 * time.Second, "wait=2"},
		{"longer than we wait", "wait=3600", 90 * time.Second, 202, 55 * time.Second, "wait=55"},
		{"more than an integer", "wait=99999999999999999999", 3 * time.Second, 200, 3 * time.Second, "wait=55"},
		{"no wait", "", 3 * time.Second, 202, 0, ""},
		{"malformed", "wait=soon", 3 * time.Second, 202, 0, ""},
		{"negative", "wait=-5", 3 * time.Second, 202, 0, ""},
		{"with another", "respond-async, wait=5", 3 * time.Second, 200, 3 * time.Second, "respond-async, wait=5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				h := newAPI(t, Config{}, m.deps())
				go func() {
					time.Sleep(c.endsIn)
					m.endAll()
				}()
				start := time.Now()
				w := do(t, h, "POST", "/jobs", submission, "Prefer", c.prefer)
				if w.Code != c.status || time.Since(start) != c.took {
					t.Errorf("got %d after %v, want %d after %v", w.Code, time.Since(start), c.status, c.took)
				}
				if got := w.Header().Get("Preference-Applied"); got != c.applied {
					t.Errorf("Preference-Applied: got %q, want %q", got, c.applied)
				}
				time.Sleep(c.endsIn) // lets the job end before the bubble does
			})
		})
	}
}

func TestWaitWhileLookingAtAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{}, m.deps())
		job := m.submitted(t)
		go func() {
			time.Sleep(time.Second)
			m.becomes(job.ID, tasks.Running) // a change, but not the end
			time.Sleep(time.Second)
			m.becomes(job.ID, tasks.Succeeded)
		}()
		start := time.Now()
		w := do(t, h, "GET", "/jobs/"+job.ID, "", "Prefer", "wait=30", "If-None-Match", `"1"`)
		if got := decode[tasks.Job](t, w); got.State != tasks.Succeeded || time.Since(start) != 2*time.Second {
			t.Errorf("got %s after %v, want succeeded after 2s", got.State, time.Since(start))
		}
		w = do(t, h, "GET", "/jobs/"+job.ID, "", "Prefer", "wait=30", "If-None-Match", `"3"`)
		if w.Code != http.StatusNotModified || w.Header().Get("Retry-After") != "" {
			t.Errorf("ended and known: got %d", w.Code)
		}
	})
}

func TestWaitEndsWithTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		life, end := context.WithCancel(t.Context())
		api, err := New(life, Config{}, m.deps())
		if err != nil {
			t.Fatal(err)
		}
		h := newChecker(t).check(t, api)
		go func() {
			time.Sleep(time.Second)
			end()
		}()
		start := time.Now()
		w := do(t, h, "POST", "/jobs", submission, "Prefer", "wait=60")
		if w.Code != http.StatusAccepted || time.Since(start) != time.Second {
			t.Errorf("got %d after %v, want 202 after 1s", w.Code, time.Since(start))
		}
	})
}

func TestWaitBeyondTheSlotsAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := newAPI(t, Config{MaxStreams: 1}, m.deps())
		first := make(chan int)
		go func() { first <- do(t, h, "POST", "/jobs", submission, "Prefer", "wait=9").Code }()
		synctest.Wait()

		start := time.Now()
		w := do(t, h, "POST", "/jobs", submission, "Prefer", "wait=9")
		if w.Code != http.StatusAccepted || time.Since(start) != 0 || w.Header().Get("Preference-Applied") != "" {
			t.Errorf("got %d after %v, want 202 at once", w.Code, time.Since(start))
		}
		if got := <-first; got != http.StatusAccepted || time.Since(start) != 9*time.Second {
			t.Errorf("first: got %d after %v, want 202 after 9s", got, time.Since(start))
		}
	})
}

func TestAcceptedJobIsToldEvenWhenTheWaitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.lost = errors.New("connection reset")
		deps := m.deps()
		deps.Jobs = &forgetful{memory: m}
		w := do(t, newAPI(t, Config{}, deps), "POST", "/jobs", submission, "Prefer", "wait=5")
		if w.Code != http.StatusAccepted || decode[tasks.Job](t, w).ID == "" {
			t.Errorf("got %d %s, want 202 and the job", w.Code, w.Body)
		}
	})
}

// forgetful is Jobs that takes jobs and cannot find them again.
type forgetful struct{ *memory }

func (*forgetful) Job(context.Context, string, string) (*tasks.Job, error) {
	return nil, errors.New("connection reset")
}

// endAll lets every job that has not ended succeed.
func (m *memory) endAll() { m.allBecome(tasks.Succeeded) }

// failAll lets every job that has not ended fail.
func (m *memory) failAll() { m.allBecome(tasks.Failed) }

func (m *memory) allBecome(state tasks.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, job := range m.jobs {
		if !job.State.Terminal() {
			m.enter(job, state)
		}
	}
}
