package worker

import (
	"context"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// When the ticket of an agent that this worker lacks comes back: where another
// worker may take it, and where no worker has the agent. It is later while many jobs
// wait in the queue, so that they come back at handBackRate a second at most.
const (
	lackingPause = time.Second
	orphanPause  = 5 * time.Second
	longestPause = 30 * time.Second
	handBackRate = 10
)

// toOthers returns a ticket to its queue for another worker to take.
func toOthers(pause time.Duration, waiting int, cause error) *queue.Retry {
	after := max(pause, time.Duration(waiting)*time.Second/handBackRate)
	return &queue.Retry{After: min(after, longestPause), Elsewhere: true, Cause: cause}
}

// hasAgent reports whether this worker has the agent of a ticket's job. A ticket
// that does not name it was issued by an older version.
func (w *Worker) hasAgent(ctx context.Context, t queue.Ticket) bool {
	agent := t.Agent
	if agent == "" {
		j, err := w.Store.Find(ctx, t.JobID)
		if err != nil {
			return true // the claim finds out what is wrong
		}
		agent = j.Agent
	}
	_, ok := w.Agents.Lookup(agent)
	return ok
}

// handBack is for a ticket of an agent that this worker lacks. The ticket comes
// back for a worker of the lane that has it. Where the lane has none, the job
// gets tickets for the lanes that do, and without any it waits for the agent
// until its deadline. The job itself is not touched, so that no attempt counts.
func (w *Worker) handBack(ctx context.Context, t queue.Ticket) error {
	j, err := w.Store.Find(ctx, t.JobID)
	if tasks.CodeOf(err) == tasks.CodeNotFound {
		return nil
	}
	if err != nil {
		return toOthers(lackingPause, 0, err)
	}
	if j.State.Terminal() {
		return nil
	}
	view, err := w.Dispatcher.View(ctx)
	waiting := view.Backlog(t.Lane, j)
	switch {
	case err != nil:
		return toOthers(lackingPause, 0, err)
	case view.ServesBeside(w.id, t.Lane, j):
		return toOthers(lackingPause, waiting, nil)
	case !view.HasAgent(w.id, j.Agent): // which health and doctor say, once for all its jobs
		w.Log.DebugContext(ctx, "no live worker has the agent of a job; it waits until its deadline", "job_id", j.ID, "agent", j.Agent, "deadline", j.Deadline)
		return toOthers(orphanPause, waiting, nil)
	}
	for _, lane := range j.OpenLanes() {
		if lane != t.Lane && view.Serves(lane, j) {
			if err := w.Dispatcher.Issue(ctx, j); err != nil {
				return toOthers(lackingPause, waiting, err)
			}
			return nil
		}
	}
	return toOthers(orphanPause, waiting, nil)
}

// leaveToOthers reports whether a job whose deadline has passed is one for
// another worker, since this one lacks the agent. The job then gets a ticket for
// the lane on which it ends.
func (w *Worker) leaveToOthers(ctx context.Context, id string) (bool, error) {
	j, err := w.Store.Find(ctx, id)
	if err != nil {
		return false, nil //nolint:nilerr // the claim finds out what is wrong
	}
	if _, ok := w.Agents.Lookup(j.Agent); ok {
		return false, nil
	}
	view, err := w.Dispatcher.Look(ctx)
	if err != nil || !view.HasAgent(w.id, j.Agent) {
		return false, err
	}
	return true, w.Dispatcher.IssueOn(ctx, j, tasks.Scorecard, time.Time{})
}
