package worker

import (
	"context"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// When the ticket of an agent that this worker does not have comes back: if another
// worker may take it, and if no worker has the agent. The pause is longer while many
// jobs wait in the queue, so that no more than handBackRate come back in a second.
const (
	handBackPause = time.Second
	noAgentPause  = 5 * time.Second
	longestPause  = 30 * time.Second
	handBackRate  = 10
)

// handBackAfter returns a ticket to its queue for another worker to take.
func handBackAfter(pause time.Duration, waiting int, cause error) *queue.Retry {
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

// handBack returns a ticket of an agent that this worker does not have to its queue,
// for a worker of the lane that has it. If there is none, the job gets tickets for
// other lanes whose workers have it, or else waits until its deadline. The job itself
// is not changed, so that no attempt counts.
func (w *Worker) handBack(ctx context.Context, t queue.Ticket) error {
	j, err := w.Store.Find(ctx, t.JobID)
	if tasks.CodeOf(err) == tasks.CodeNotFound {
		return nil
	}
	if err != nil {
		return handBackAfter(handBackPause, 0, err)
	}
	if j.State.Terminal() {
		return nil
	}
	view, err := w.Dispatcher.View(ctx)
	waiting := view.Backlog(t.Lane, j)
	switch {
	case err != nil:
		return handBackAfter(handBackPause, 0, err)
	case view.ServedByOthers(w.id, t.Lane, j):
		return handBackAfter(handBackPause, waiting, nil)
	case !view.HasAgent(w.id, j.Agent): // which health and doctor say, once for all its jobs
		w.Log.DebugContext(ctx, "no live worker has the agent of a job; it waits until its deadline", "job_id", j.ID, "agent", j.Agent, "deadline", j.Deadline)
		return handBackAfter(noAgentPause, waiting, nil)
	}
	for _, lane := range j.OpenLanes() {
		if lane != t.Lane && view.Serves(lane, j) {
			if err := w.Dispatcher.Issue(ctx, j); err != nil {
				return handBackAfter(handBackPause, waiting, err)
			}
			return nil
		}
	}
	return handBackAfter(noAgentPause, waiting, nil)
}

// passToOthers reports whether a job whose deadline has passed is left to another
// worker, because this one does not have its agent. The job then gets a ticket for the
// lane on which it ends.
func (w *Worker) passToOthers(ctx context.Context, id string) (bool, error) {
	j, err := w.Store.Find(ctx, id)
	if err != nil {
		return false, nil //nolint:nilerr // the claim finds out what is wrong
	}
	if _, ok := w.Agents.Lookup(j.Agent); ok {
		return false, nil
	}
	view, err := w.Dispatcher.FreshView(ctx)
	if err != nil || !view.HasAgent(w.id, j.Agent) {
		return false, err
	}
	return true, w.Dispatcher.IssueOn(ctx, j, tasks.Scorecard, time.Time{})
}
