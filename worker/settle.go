package worker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// outcome is how an attempt ends.
type outcome struct {
	kind    string // for the log
	result  store.Result
	err     *tasks.Error
	release store.Release
	cause   error // why nothing is to be written

	again time.Duration // of a release: after which a lane is to be asked again; 0: it is not
	lane  tasks.Lane    // that lane
	spill bool          // the other lanes need not wait for their time
}

func succeeded(output json.RawMessage) outcome {
	return outcome{kind: "succeeded", result: store.Result{Output: output}}
}

func degraded(output json.RawMessage) outcome {
	return outcome{kind: "degraded", result: store.Result{Output: output, Degraded: true}}
}

func failed(err *tasks.Error) outcome { return outcome{kind: "failed", err: err} }

func released(r store.Release) outcome { return outcome{kind: "released", release: r} }

// interrupted is the outcome of an attempt whose context has ended: the job is
// handed back if the worker stops, and let go if it was canceled or another
// attempt has taken over.
func interrupted(ctx context.Context) outcome {
	cause := context.Cause(ctx)
	if errors.Is(cause, errShutdown) {
		return released(store.Release{Reason: store.ReasonShutdown})
	}
	return outcome{kind: "dropped", cause: cause}
}

// settle writes the outcome down, however long Redis may be away: an answer
// that has been paid for is not thrown away. It gives up when the job is no
// longer this attempt's, or the worker must end.
func (a *attempt) settle(o outcome) error {
	news := a.journal.rest()
	if a.unspent {
		if err := a.persist(a.writeCost); err != nil {
			a.log.Error("the cost of this attempt is lost to its job", "cost", a.cost.String(), "error", err)
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
			return a.Store.Fail(ctx, id, n, o.err, a.records, news...)
		case o.result.Output != nil:
			return a.Store.Complete(ctx, id, n, o.result, a.records, news...)
		default:
			return a.Store.Release(ctx, id, n, o.release, a.records, news...)
		}
	})
	if err != nil || o.release.Reason == "" {
		return err
	}
	a.handOn(o)
	return nil
}

// amend tells a job that was canceled who was being asked then.
func (a *attempt) amend(cause error) {
	asked := slices.ContainsFunc(a.records, func(r tasks.Attempt) bool { return r.Outcome == tasks.OutcomeCanceled })
	if !asked || !errors.Is(cause, store.ErrCanceled) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), signOffTimeout)
	defer cancel()
	if err := a.Store.Amend(ctx, a.job.ID, a.job.Attempt, a.records); err != nil {
		a.log.Warn("the job was canceled; who was asked for it then is not on its record", "error", err)
	}
}

// handOn gives a released job its next tickets. If that fails, a watchdog does
// it.
func (a *attempt) handOn(o outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), signOffTimeout)
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
		a.log.Warn("tickets not issued; a watchdog will", "error", err)
	}
}

// persist repeats a write until Redis takes or refuses it. After the worker
// was told to end, it tries for a little while only.
func (a *attempt) persist(write func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.base))
	defer cancel()
	stop := context.AfterFunc(a.base, func() {
		time.AfterFunc(handBackTimeout/2, cancel)
	})
	defer stop()
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 2*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := write(ctx)
		if err != nil && !away(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0))
	return err
}

// away reports whether an error says that Redis may take the write later.
func away(err error) bool {
	return tasks.CodeOf(err) == tasks.CodeUnavailable || errors.Is(err, context.DeadlineExceeded)
}
