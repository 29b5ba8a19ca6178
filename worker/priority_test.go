package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// staleLook outlasts a server's look at its queues, which may miss a ticket of
// higher priority that arrived up to 4 ms ago (package queue).
const staleLook = 20 * time.Millisecond

// turns is a provider whose first call waits until it is let go, and that answers
// each call with its number.
func turns(calls int) (b providertest.Behavior, begun chan bool, goOn chan bool) {
	begun, goOn = make(chan bool, 1), make(chan bool)
	all := []providertest.Behavior{func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		begun <- true
		select {
		case <-goOn:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return providertest.Answer(`{"score":0}`)(ctx, req, onDelta)
	}}
	for n := 1; n < calls; n++ {
		all = append(all, providertest.Answer(fmt.Sprintf(`{"score":%d}`, n)))
	}
	return providertest.Sequence(all...), begun, goOn
}

func TestJobsAreTakenByPriority(t *testing.T) {
	for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
		t.Run(string(lane), func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
				t.Parallel()
				w := newWorld(t, rdb)
				behavior, begun, goOn := turns(7)
				w.local.Does(behavior)
				w.cloud.Does(behavior)
				w.start(t, []tasks.Lane{lane}, func(cfg *Config) { cfg.LocalSlots, cfg.CloudSlots = 1, 1 })
				first := w.submit(t)
				wait(t, begun)
				// While it runs, the others get in line.
				turn := map[string]string{first.ID: `{"score":0}`}
				for _, next := range []struct {
					priority tasks.Priority
					turn     int
				}{
					{tasks.PriorityLow, 5}, {"", 3}, {tasks.PriorityHigh, 1}, {tasks.PriorityLow, 6}, {tasks.PriorityNormal, 4}, {tasks.PriorityHigh, 2},
				} {
					j := w.submit(t, func(s *tasks.Submission) { s.Priority = next.priority })
					turn[j.ID] = fmt.Sprintf(`{"score":%d}`, next.turn)
				}
				<-time.After(staleLook)
				close(goOn)
				for id, want := range turn {
					if j := w.end(t, id); string(j.Result) != want || j.Lane != lane {
						t.Errorf("job of priority %q: got %s on %s, want %s on %s", j.Priority, j.Result, j.Lane, want, lane)
					}
				}
			})
		})
	}
}

// Those before it may keep a job of low priority from its lane, but not from its
// deadline.
func TestALowPriorityHasItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	behavior, begun, goOn := turns(2)
	defer close(goOn)
	w.local.Does(behavior)
	w.start(t, localLane)
	w.submit(t)
	wait(t, begun)
	w.submit(t)
	j := w.submit(t, func(s *tasks.Submission) {
		s.Priority, s.Deadline = tasks.PriorityLow, time.Now().Add(2*time.Second)
	})
	if j = w.end(t, j.ID); j.State != tasks.Succeeded || !j.Degraded {
		t.Errorf("job: got %s, degraded %v, %v; want the scorecard's answer", j.State, j.Degraded, j.Error)
	}
}
