package health

import (
	"context"
	"fmt"
	"strings"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// CountJobs replaces what waits in the queues of jobs, and for how long, by the jobs
// that wait there: a queue's tickets outlive jobs that another lane has run.
func CountJobs(ctx context.Context, jobs *store.Store, depths []queue.Depth) error {
	queued, err := jobs.Queued(ctx, store.JobQueues())
	if err != nil {
		return err
	}
	for i := range depths {
		d := &depths[i]
		if d.Queue == queue.Webhooks {
			continue
		}
		d.Waiting, d.Oldest = 0, 0
		for name, q := range queued {
			if name == d.Queue || d.Queue == string(tasks.Scorecard) && strings.HasPrefix(name, d.Queue+".") {
				d.Waiting, d.Oldest = d.Waiting+q.Jobs, max(d.Oldest, q.Oldest)
			}
		}
	}
	return nil
}

func ofQueue(d queue.Depth) api.QueueHealth {
	h := api.QueueHealth{
		Name: d.Queue, Status: api.HealthOK, Waiting: d.Waiting, Running: d.Taken, OldestSeconds: d.Oldest.Seconds(),
	}
	switch {
	case d.Paused:
		h.Status, h.Detail = api.HealthDegraded, "the queue is paused"
	case d.Dead > 0:
		h.Detail = fmt.Sprintf("tasks given up: %d; see the dashboard", d.Dead)
	}
	return h
}
