package worker

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Whatever is away, and however long: jobs that wait are answered by a model in
// the end, and none is lost. The outage has the phases of a real one: calls fail,
// then nothing answers at all, then all is back.
func TestNoWaitingJobIsLostInATotalOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t), func(c *store.Config) { c.Recheck = time.Second })
	var down atomic.Bool
	down.Store(true)
	behaves := func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		if down.Load() {
			return nil, &providers.Error{Class: providers.ClassTransport, RetryAfter: time.Second, Message: "refused"}
		}
		return providertest.Answer(answer)(ctx, req, onDelta)
	}
	w.local.Does(behaves)
	w.cloud.Does(behaves)
	w.start(t, bothLanes, func(c *Config) { c.Refresh = 50 * time.Millisecond })

	var ids []string
	for range 8 {
		ids = append(ids, w.submit(t, func(s *tasks.Submission) { s.OnExhausted = tasks.Wait }).ID)
	}
	for _, id := range ids[:3] {
		w.await(t, id, func(e tasks.Event) bool { return e.Type == tasks.EventQueued && e.Attempt > 0 })
	}
	away := providers.Errorf(providers.ClassTransport, "refused")
	w.local.SetModels(away)
	w.cloud.SetModels(away)
	w.awaitServed(t, false)
	ids = append(ids, w.submit(t, func(s *tasks.Submission) { s.OnExhausted = tasks.Wait }).ID)

	down.Store(false)
	w.local.SetModels(nil, "small", "large")
	w.cloud.SetModels(nil, "chat")
	for _, id := range ids {
		if j := w.end(t, id); j.State != tasks.Succeeded || j.AnsweredBy != tasks.ByModel || j.Deadline.Sub(j.CreatedAt) < 23*time.Hour {
			t.Errorf("job: got %s by %q, deadline after %v", j.State, j.AnsweredBy, j.Deadline.Sub(j.CreatedAt))
		}
	}
}
