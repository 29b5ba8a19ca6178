package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// Follow decides about a ticket of a job that waits for the result of an equal one,
// its leader. It returns nil when the job is to be claimed after all, since it has
// the result or runs by itself, and otherwise a *queue.Retry. A leader that died
// without completing the flight is noticed here.
func (r *Runner) Follow(ctx context.Context, id, leaderID string, lane tasks.Lane) error {
	again := func(err error) error { return &queue.Retry{After: time.Second, Cause: err} }
	j, err := r.Store.Find(ctx, id)
	switch {
	case tasks.CodeOf(err) == tasks.CodeNotFound:
		return nil // the claim reports it, too
	case err != nil:
		return again(err)
	case j.State != tasks.Queued:
		return nil
	}
	leader, err := r.Store.Find(ctx, leaderID)
	if err != nil && tasks.CodeOf(err) != tasks.CodeNotFound {
		return again(err)
	}
	now := time.Now()
	switch {
	case err != nil && now.Before(j.CreatedAt.Add(leaderMade)):
		return again(nil)
	case err == nil && r.answers(leader, now):
		_, err = r.Store.CompleteShared(ctx, id, store.SharedOf(leader))
	case err == nil && worthWaiting(j, leader, lane, now):
		return &queue.Retry{After: lookAgain(j, now)}
	default:
		err = r.takeOver(ctx, j, leaderID, now)
	}
	if err != nil {
		return again(err)
	}
	return nil
}

// answers reports whether a job has a result that answers equal ones.
func (r *Runner) answers(leader *tasks.Job, now time.Time) bool {
	agent, ok := r.Agents.Lookup(leader.Agent)
	return ok && store.SharedOf(leader) != nil && now.Before(leader.EndedAt.Add(agent.CacheTTL.Std()))
}

// leaderMade is how long after its follower a leader is recorded at the latest: it
// joins before it is recorded, and its API may be slower.
const leaderMade = time.Second

// comesBack is how soon a job is claimed again whose worker has let it go, unless
// it has to wait for its providers.
const comesBack = 5 * time.Second

// worthWaiting reports whether a job on a lane gets its result sooner from its
// leader than by itself. Past its target it does not wait. When it spills, the
// leader must be on that lane, or have its ticket there before it.
func worthWaiting(j, leader *tasks.Job, lane tasks.Lane, now time.Time) bool {
	if !now.Before(j.TargetAt) {
		return false
	}
	spills := j.OpenLanes()[0] != lane && !now.Before(j.SpillAt)
	switch {
	case leader.State == tasks.Running:
		return !spills || leader.Lane == lane
	case leader.State != tasks.Queued:
		return false
	case leader.Attempt > 0:
		back := roomAt(leader)
		if leader.Waiting != nil && back.Before(leader.Waiting.Since) {
			back = leader.Waiting.Since
		}
		return now.Before(back.Add(comesBack))
	}
	return !spills || !now.Before(leader.SpillAt)
}

// lookAgain is when the ticket of a job that waits for a leader comes back, in case
// the leader's worker cannot complete the flight.
func lookAgain(j *tasks.Job, now time.Time) time.Duration {
	pause := min(now.Sub(j.CreatedAt)/4, j.TargetAt.Sub(now), comesBack)
	return max(pause, time.Second)
}

// takeOver makes a job run by itself whose leader is not worth waiting for. Of
// several such jobs one becomes the leader of the others.
func (r *Runner) takeOver(ctx context.Context, j *tasks.Job, leaderID string, now time.Time) error {
	input, err := r.Store.Input(ctx, j.ID)
	if err != nil {
		return err
	}
	digest, err := equal.Digest(j, input)
	if err != nil {
		return r.Store.Unfollow(ctx, j.ID, leaderID, "")
	}
	seat, err := r.Store.TakeOverFlight(ctx, digest, j.ID, leaderID, equal.LeaderLifetime(j, now))
	switch {
	case err != nil:
		return err
	case seat.Hit != nil:
		_, err = r.Store.CompleteShared(ctx, j.ID, seat.Hit)
		return err
	case !now.Before(j.TargetAt):
		return r.Store.Unfollow(ctx, j.ID, leaderID, "")
	}
	return r.Store.Unfollow(ctx, j.ID, leaderID, seat.Leader)
}

// completeTimeout bounds how long passing a result on to equal jobs may take. Those
// that it does not reach find it by themselves.
const completeTimeout = 10 * time.Second

// complete passes the outcome on to equal jobs, once it is written: they get the
// result, or one of them takes over. It does so beside the worker's next job.
func (a *attempt) complete(o outcome, written error) {
	agent, ok := a.Agents.Lookup(a.job.Agent)
	lost := written != nil && !errors.Is(written, store.ErrCanceled)
	if !ok || agent.CacheTTL <= 0 || lost || o.release.Reason != "" {
		return // nothing to pass on, or the job goes on
	}
	var result *store.Shared
	if written == nil && o.result.Output != nil && !o.result.Degraded && agent.Version == a.job.AgentVersion {
		result = &store.Shared{JobID: a.job.ID, Output: o.result.Output}
		result.Add(a.job.Attempts)
		result.Add(a.records)
	}
	if result == nil && !equal.MayShare(agent, a.job) {
		return // it had no followers
	}
	a.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), completeTimeout)
		defer cancel()
		if err := a.completeFlight(ctx, result, agent.CacheTTL.Std()); err != nil {
			a.log.Warn("equal jobs were not notified of a result; their tickets find it", "error", err)
		}
	})
}

// completeFlight ends the flight and passes the result to its followers.
func (a *attempt) completeFlight(ctx context.Context, result *store.Shared, keep time.Duration) error {
	digest, err := equal.Digest(a.job, a.input)
	if err != nil {
		return err
	}
	waiting, err := a.Store.CompleteFlight(ctx, digest, a.job.ID, result, keep)
	if err != nil {
		return err
	}
	for _, id := range waiting {
		if result != nil {
			if _, err := a.Store.CompleteShared(ctx, id, result); err != nil {
				return err
			}
			continue
		}
		j, err := a.Store.Find(ctx, id)
		if err == nil && store.Shares(j) {
			return a.Dispatcher.Wake(ctx, j)
		}
	}
	return nil
}
