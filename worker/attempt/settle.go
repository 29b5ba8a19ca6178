package attempt

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// settle writes the outcome, however long Redis is unavailable: an answer that has
// been paid for is not thrown away. It gives up when the job is no
// longer this attempt's, or the worker must end.
func (a *attempt) settle(o outcome) error {
	events := a.events.drain()
	if a.unspent {
		if err := a.persist(a.writeCost); err != nil {
			a.log.Error("the cost of this attempt could not be written to its job", "cost", a.cost.String(), "error", err)
		}
	}
	if o.cause != nil {
		a.amend(o.cause)
		return o.cause
	}
	id, n := a.job.ID, a.job.Attempt
	err := a.persist(func(ctx context.Context) error {
		switch {
		case o.err != nil:
			return a.Store.Fail(ctx, id, n, o.err, a.records, events...)
		case o.result.Output != nil:
			return a.Store.Complete(ctx, id, n, o.result, a.records, events...)
		default:
			return a.Store.Release(ctx, id, n, o.release, a.records, events...)
		}
	})
	if err != nil || o.release.Reason == "" {
		return err
	}
	a.reissue(o)
	return nil
}

// amend records on a canceled job which candidate was being asked.
func (a *attempt) amend(cause error) {
	asked := slices.ContainsFunc(a.records, func(r tasks.Attempt) bool { return r.Outcome == tasks.OutcomeCanceled })
	if !asked || !errors.Is(cause, store.ErrCanceled) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), writeTimeout)
	defer cancel()
	if err := a.Store.Amend(ctx, a.job.ID, a.job.Attempt, a.records); err != nil {
		a.log.Warn("the job was canceled; the candidate that was being asked could not be recorded", "error", err)
	}
}

// reissue gives a released job its next tickets. If that fails, a watchdog does
// it.
func (a *attempt) reissue(o outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), writeTimeout)
	defer cancel()
	j, err := a.Store.Find(ctx, a.job.ID)
	switch {
	case err != nil:
	case o.again > 0:
		err = a.issueLater(ctx, j, o)
	case o.release.Reason == store.ReasonWaiting:
		err = a.Dispatcher.IssueAt(ctx, j, time.Now().Add(o.release.Recheck))
	default:
		err = a.Dispatcher.Issue(ctx, j)
	}
	if err != nil {
		a.log.Warn("tickets could not be issued; a watchdog will issue them", "error", err)
	}
}

// persist repeats a write until Redis takes or refuses it. Once the worker
// must end, it tries for a little while only.
func (a *attempt) persist(write func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.base))
	defer cancel()
	stop := context.AfterFunc(a.base, func() {
		time.AfterFunc(HandBackTimeout/2, cancel)
	})
	defer stop()
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 2*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := write(ctx)
		if err != nil && !Transient(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0))
	return err
}

// Transient reports whether an error means that Redis may accept the write later.
func Transient(err error) bool {
	return tasks.CodeOf(err) == tasks.CodeUnavailable || errors.Is(err, context.DeadlineExceeded)
}

// HandBackTimeout is how long a worker that must end may still take to write the
// outcomes of its attempts.
const HandBackTimeout = 10 * time.Second
