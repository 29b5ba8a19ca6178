package dispatch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/store"
)

// cacheTimeout bounds how long a submission waits for the cache: it saves work, and
// is not worth a delay.
const cacheTimeout = 250 * time.Millisecond

// shortcut is how a drafted job is answered without a run of its own.
type shortcut struct {
	clear  json.RawMessage // the scorecard's answer, for a clear case
	shared store.Joined    // the result of an equal job, or the leader that is to get it
	digest string          // of the flight that the job has joined; "": none
}

// findShortcut looks for an answer that is there already, or is being computed. look
// finds the flight of equal jobs. A job is not refused for what fails here: it runs
// by itself then.
func (d *Dispatcher) findShortcut(ctx context.Context, j *tasks.Job, s *request, look lookup) shortcut {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok || !j.RunAt.IsZero() {
		return shortcut{}
	}
	if s.FastPath {
		answer, err := agent.ScoreClear(s.Input, j.Language)
		if err != nil {
			d.log.WarnContext(ctx, "the scorecard failed on the fast path; a model is asked", "agent", j.Agent, "error", err)
		} else if answer != nil {
			return shortcut{clear: answer}
		}
	}
	if !equal.MayShare(agent, j) {
		return shortcut{}
	}
	digest, err := equal.DigestDecoded(j, s.decoded)
	if err != nil {
		return shortcut{}
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	found, err := look(ctx, digest, j)
	if err != nil {
		d.log.WarnContext(ctx, "the cache is unavailable; the job runs by itself", "error", err)
		return shortcut{}
	}
	if j.Flexible {
		digest = "" // see join
	}
	return shortcut{shared: found, digest: digest}
}

// lookup finds the result or the leader of the jobs equal to one.
type lookup func(ctx context.Context, digest string, j *tasks.Job) (store.Joined, error)

// join joins the flight of equal jobs, as its leader if there is none. A flexible job
// may wait for hours, so it never leads: others would wait with it.
func (d *Dispatcher) join(ctx context.Context, digest string, j *tasks.Job) (store.Joined, error) {
	if j.Flexible {
		found, err := d.peek(ctx, digest, j)
		found.Leader = ""
		return found, err
	}
	return d.store.JoinFlight(ctx, digest, j.ID, equal.LeaderLifetime(j, j.CreatedAt))
}

// peek is join without joining.
func (d *Dispatcher) peek(ctx context.Context, digest string, _ *tasks.Job) (store.Joined, error) {
	return d.store.PeekFlight(ctx, digest)
}

// plan sets the plan of a drafted job. One that has its answer needs no lane.
func (d *Dispatcher) plan(j *tasks.Job, view View, k shortcut) {
	switch {
	case k.clear != nil:
		j.SpillAt, j.Plan = j.TargetAt, &tasks.Plan{MadeAt: j.CreatedAt, Reason: tasks.PlanFastPath, Lanes: []tasks.LanePlan{}}
		return
	case k.shared.Hit != nil:
		j.SpillAt, j.Plan = j.TargetAt, &tasks.Plan{MadeAt: j.CreatedAt, Reason: tasks.PlanCached, Lanes: []tasks.LanePlan{}}
		return
	}
	d.planLanes(j, view)
	if k.shared.Leader != "" {
		j.Plan.Reason = tasks.PlanShared
	}
}

// create records a job, with its answer if a shortcut has it.
func (d *Dispatcher) create(ctx context.Context, j *tasks.Job, input json.RawMessage, once store.Idempotency, k shortcut) (id string, err error) {
	switch {
	case k.clear != nil:
		return d.store.CreateClear(ctx, j, input, once, k.clear)
	case k.shared.Hit != nil:
		return d.store.CreateCached(ctx, j, input, once, k.shared.Hit)
	case k.shared.Leader != "":
		id, err = d.store.CreateFollowing(ctx, j, input, once, k.shared.Leader)
	default:
		id, err = d.store.Create(ctx, j, input, once)
	}
	if id != j.ID && k.digest != "" { // this job was not made, so it must leave its flight
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cacheTimeout)
		defer cancel()
		if err := d.leaveFlight(ctx, j, input, k, id); err != nil {
			d.log.DebugContext(ctx, "the flight of equal jobs could not be left; followers find that there is no such job", "job_id", j.ID, "error", err)
		}
	}
	return id, err
}

// leaveFlight takes a job that was not made out of its flight.
func (d *Dispatcher) leaveFlight(ctx context.Context, j *tasks.Job, input json.RawMessage, k shortcut, insteadID string) error {
	if k.shared.Leader != "" {
		return d.store.LeaveFlight(ctx, k.digest, j.ID)
	}
	return d.resign(ctx, j, input, k.digest, insteadID)
}

// resign passes the lead of a job that was not made to the one that another request
// with the same key has made instead, which may follow this one already; if that has
// ended, the flight ends. If resign fails, followers find that there is no such job.
func (d *Dispatcher) resign(ctx context.Context, j *tasks.Job, input json.RawMessage, digest, insteadID string) error {
	instead, err := d.store.Find(ctx, insteadID)
	if err == nil && !instead.State.Terminal() {
		// In an experiment it may be of another variant, and then is not equal.
		if equal, err := equal.Digest(instead, input); err == nil && equal == digest {
			return d.handOver(ctx, j, digest, insteadID)
		}
	}
	_, err = d.store.CompleteFlight(ctx, digest, j.ID, nil, 0)
	return err
}

// handOver makes another job the leader in the place of this one.
func (d *Dispatcher) handOver(ctx context.Context, j *tasks.Job, digest, to string) error {
	found, err := d.store.TakeOverFlight(ctx, digest, to, j.ID, equal.LeaderLifetime(j, j.CreatedAt))
	if err != nil || found.Hit != nil || found.Leader != "" {
		return err
	}
	return d.store.Unfollow(ctx, to, j.ID, "")
}

// Wake issues new tickets to a queued job that waited for an equal one, beside those
// that it has.
func (d *Dispatcher) Wake(ctx context.Context, j *tasks.Job) error {
	woken := *j
	woken.Attempt = -1 // no other ticket of the job has this round
	return d.Issue(ctx, &woken)
}
