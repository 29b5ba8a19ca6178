package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestADeadlineEndsACallThatHangs(t *testing.T) {
	for _, test := range []struct {
		name        string
		onExhausted tasks.OnExhausted
		state       tasks.State
		degraded    bool
		code        tasks.Code
	}{
		{"the scorecard answers instead", tasks.Degrade, tasks.Succeeded, true, ""},
		{"waiting is over", tasks.Wait, tasks.Failed, false, tasks.CodeDeadline},
		{"the job fails", tasks.GiveUp, tasks.Failed, false, tasks.CodeDeadline},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			hang, asked, ended := hangs()
			w.local.Does(hang)
			w.start(t, localLane)
			j := w.submit(t, func(s *tasks.Submission) {
				s.OnExhausted, s.Deadline = test.onExhausted, time.Now().Add(3*time.Second)
			})
			wait(t, asked)
			if cause := wait(t, ended); !errors.Is(cause, context.DeadlineExceeded) {
				t.Errorf("the call ended for: got %v, want the deadline", cause)
			}
			j = w.end(t, j.ID)
			if j.State != test.state || j.Degraded != test.degraded || codeOf(j) != test.code {
				t.Errorf("job: got %s, degraded %v, %v; want %s, %v, %q", j.State, j.Degraded, j.Error, test.state, test.degraded, test.code)
			}
			if j.EndedAt.Before(j.Deadline.Add(-50 * time.Millisecond)) {
				t.Errorf("ended %v before its deadline", j.Deadline.Sub(j.EndedAt))
			}
		})
	}
}

func TestAQueuedJobEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), shortLease)
	hang, asked, _ := hangs()
	w.local.Does(hang)
	w.start(t, localLane)
	w.submit(t) // takes the only slot
	wait(t, asked)
	for _, test := range []struct {
		onExhausted tasks.OnExhausted
		state       tasks.State
		code        tasks.Code
	}{
		{tasks.Degrade, tasks.Succeeded, ""},
		{tasks.GiveUp, tasks.Failed, tasks.CodeDeadline},
	} {
		j := w.end(t, w.submit(t, func(s *tasks.Submission) {
			s.OnExhausted, s.Deadline = test.onExhausted, time.Now().Add(2*time.Second)
		}).ID)
		if j.State != test.state || codeOf(j) != test.code {
			t.Errorf("%s: got %s, %v; want %s, %q", test.onExhausted, j.State, j.Error, test.state, test.code)
		}
	}
}

func TestCancelEndsTheCallAtOnceAndRefusesTheLateAnswer(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		// So long a lease is not renewed in this test, which would tell it too.
		w := newWorld(t, rdb, func(cfg *store.Config) { cfg.Lease = time.Hour })
		hang, asked, ended := hangs()
		w.local.Does(hang)
		w.start(t, localLane)
		j := w.submit(t)
		wait(t, asked)
		if _, err := w.store.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		if cause := wait(t, ended); !errors.Is(cause, store.ErrCanceled) {
			t.Errorf("the call ended for: got %v, want %v", cause, store.ErrCanceled)
		}
		// The slot is free again, so the attempt has said its last word.
		w.local.Does(providertest.Answer(answer))
		w.end(t, w.submit(t).ID)
		if j = w.end(t, j.ID); j.State != tasks.Canceled || j.Result != nil || j.Attempt != 1 {
			t.Errorf("canceled job: got %s on attempt %d with %s", j.State, j.Attempt, j.Result)
		}
	})
}

func TestAnAnswerOutlivesAnOutageOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorld(t, server.Client(t))
	asked, finish := make(chan bool, 1), make(chan bool)
	w.local.Does(func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		asked <- true
		<-finish
		return &providers.Response{Text: answer}, nil
	})
	w.start(t, localLane)
	j := w.submit(t)
	wait(t, asked)
	server.Kill()
	close(finish)
	server.Restart(t)
	j = w.end(t, j.ID)
	if j.State != tasks.Succeeded || j.Attempt != 1 || j.Crashes != 0 {
		t.Errorf("job: got %s, attempt %d, %d crashes; want it succeeded on the first", j.State, j.Attempt, j.Crashes)
	}
}
