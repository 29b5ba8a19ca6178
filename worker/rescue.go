package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
	"github.com/topcentral/spillway/worker/attempt"
)

const (
	// rescueAtOnce is how many due jobs a watchdog looks at, or ends, at once.
	rescueAtOnce = 128
	// recheckRate is how many jobs that have tickets are looked at again per second, among
	// all workers: the more wait, the longer it takes until one's turn comes again.
	recheckRate = 200
)

// rescue does what due jobs need. Those that get tickets get them in the order in which
// they were made. It returns how many jobs it could handle.
func (d *watchdog) rescue(ctx context.Context, ids []string, judge bool) (handled int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	recheck, err := d.recheckAfter(ctx)
	if err != nil {
		return 0, err
	}
	var done atomic.Int64
	jobs := make([]dispatch.Planned, len(ids))
	all, looking := errgroup.WithContext(ctx)
	all.SetLimit(rescueAtOnce)
	for i, id := range ids {
		all.Go(func() (err error) {
			jobs[i], err = d.rescueOne(looking, id, judge, recheck)
			switch {
			case err == nil:
				done.Add(1)
			case attempt.Transient(err) || looking.Err() != nil:
				return err
			default:
				d.Log.ErrorContext(ctx, "a due job could not be handled; the next round tries again", "job_id", id, "error", err)
			}
			return nil
		})
	}
	failed := all.Wait() // the others get their tickets all the same
	jobs = slices.DeleteFunc(jobs, func(p dispatch.Planned) bool { return p.Job == nil })
	slices.SortStableFunc(jobs, func(a, b dispatch.Planned) int {
		return cmp.Or(a.Job.CreatedAt.Compare(b.Job.CreatedAt), strings.Compare(a.Job.ID, b.Job.ID))
	})
	return int(done.Load()), errors.Join(failed, d.Dispatcher.IssueAll(ctx, jobs))
}

// recheckAfter is when a job that gets tickets now is looked at again.
func (d *watchdog) recheckAfter(ctx context.Context) (time.Duration, error) {
	view, err := d.Dispatcher.View(ctx)
	return time.Duration(view.Waiting()) * time.Second / recheckRate, err
}

// rescueOne takes one due job. It ends the job if its time is over or nothing but the
// scorecard can answer it, which takes no longer than a ticket, and else returns the
// tickets that it is to get.
func (d *watchdog) rescueOne(ctx context.Context, id string, judge bool, recheck time.Duration) (none dispatch.Planned, err error) {
	found, err := d.Store.Overdue(ctx, id, judge, recheck)
	if err != nil || found == store.Fresh {
		return none, err
	}
	if found == store.Expired {
		if left, err := d.passToOthers(ctx, id); left || err != nil {
			return none, err
		}
		// The scorecard lane is where jobs go that no model can answer in time;
		// an attempt there also ends the jobs that want no scorecard.
		return none, d.claimScorecard(ctx, id)
	}
	if found == store.Lapsed {
		d.Log.WarnContext(ctx, "the worker of a job was lost; issuing new tickets", "job_id", id)
	}
	j, err := d.Store.Find(ctx, id)
	switch {
	case tasks.CodeOf(err) == tasks.CodeNotFound:
		return none, nil
	case err != nil:
		return none, err
	}
	planned, err := d.Dispatcher.Plan(ctx, j)
	if err != nil {
		return none, err
	}
	if _, known := d.Agents.Lookup(j.Agent); known && planned.OnlyScorecard() {
		return none, d.claimScorecard(ctx, id)
	}
	return planned, nil
}

// claimScorecard runs a job on the scorecard's lane, if it gets it.
func (d *watchdog) claimScorecard(ctx context.Context, id string) error {
	err := d.claim(ctx, id, tasks.Scorecard)
	if later, ok := errors.AsType[*queue.Retry](err); ok {
		return later.Cause
	}
	return err
}
