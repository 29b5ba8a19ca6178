package worker

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// watchEvery is how often a worker looks for jobs that nobody looks after.
	watchEvery = time.Second
	// watchBatch is how many of them it takes at a time, per shard.
	watchBatch = 200
)

// watch takes the jobs whose due time has come: their worker or their tickets
// were lost, or their deadline has passed. It gives them new tickets, or ends
// them. Every worker does this; the store sees to it that one acts.
func (w *Worker) watch(ctx context.Context) error {
	ids, err := w.Store.Due(ctx, watchBatch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := w.rescue(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// rescue does what one due job needs.
func (w *Worker) rescue(ctx context.Context, id string) error {
	found, err := w.Store.Overdue(ctx, id)
	if err != nil || found == store.Fresh {
		return err
	}
	if found == store.Expired {
		// The scorecard lane is where jobs go that no model can answer in time;
		// an attempt there also ends the jobs that want no scorecard.
		err := w.take(ctx, queue.Ticket{JobID: id, Lane: tasks.Scorecard})
		if _, later := errors.AsType[*queue.Retry](err); later {
			return nil
		}
		return err
	}
	if found == store.Lapsed {
		w.Log.WarnContext(ctx, "the worker of a job was lost; issuing new tickets", "job", id)
	}
	j, err := w.Store.Find(ctx, id)
	if err != nil {
		if tasks.CodeOf(err) == tasks.CodeNotFound {
			return nil
		}
		return err
	}
	return w.Dispatcher.Issue(ctx, j)
}
