package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// maxElsewhere is how many attempts a job may have behind it to be handed from
// one worker to another of its lane.
const maxElsewhere = 3

// elsewhere reports whether another worker of the lane may answer though this one has
// failed: its provider is down, or it has no candidate, and others serve the queue.
// Candidates that were refused by a guard are no sign of that.
func (a *attempt) elsewhere(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*providers.ExhaustedError](err)
	if !ok || e.Refused != "" || e.Class != "" && !e.Class.Policy().Whole || a.job.Attempt-a.claimsWith(wasRefused) > maxElsewhere {
		return false
	}
	// This worker may have withdrawn from the registry already.
	view, err := a.Dispatcher.FreshView(ctx)
	return err == nil && view.ServedByOthers(a.Worker, a.lane, a.job)
}

// withoutAgent is the outcome of an attempt whose agent this worker no longer
// has: the job goes back to the queue while another worker has the agent, or may
// yet get it.
func (a *attempt) withoutAgent(ctx context.Context) outcome {
	late := !time.Now().Before(a.deadline)
	view, err := a.Dispatcher.FreshView(ctx)
	if err != nil || !late || view.HasAgent(a.Worker, a.job.Agent) {
		return released(store.Release{Reason: store.ReasonElsewhere})
	}
	return failed(tasks.Errorf(tasks.CodeUnknownAgent, "no live worker has agent %s; install or push its folder, and submit again", a.job.Agent))
}
