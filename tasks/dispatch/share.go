package dispatch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// seatTimeout bounds how long a submission waits for the cache: it spares
	// work, and is not worth a delay.
	seatTimeout = 250 * time.Millisecond
)

// known is how a drafted job comes to its answer without a run of its own.
type known struct {
	clear  json.RawMessage // the scorecard's, for a clear case
	seat   store.Seat      // an equal job's
	digest string          // under which it has that seat; "": it has none
}

// know looks whether there is an answer already, or will be. take is how a seat
// among equal jobs is found. Nothing that fails here is worth a refusal: the job
// runs by itself then.
func (d *Dispatcher) know(ctx context.Context, j *tasks.Job, s *request, take takeSeat) known {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok || !j.RunAt.IsZero() {
		return known{}
	}
	if s.FastPath {
		answer, err := agent.ScoreClear(s.Input, j.Language)
		if err != nil {
			d.log.WarnContext(ctx, "scorecard failed; a model is asked", "agent", j.Agent, "error", err)
		} else if answer != nil {
			return known{clear: answer}
		}
	}
	if !equal.MayShare(agent, j) {
		return known{}
	}
	digest, err := equal.DigestDecoded(j, s.decoded)
	if err != nil {
		return known{}
	}
	ctx, cancel := context.WithTimeout(ctx, seatTimeout)
	defer cancel()
	seat, err := take(ctx, digest, j)
	if err != nil {
		d.log.WarnContext(ctx, "cache is away; the job runs by itself", "error", err)
		return known{}
	}
	if j.Flexible {
		digest = "" // see join
	}
	return known{seat: seat, digest: digest}
}

// takeSeat finds a job's seat among those equal to it.
type takeSeat func(ctx context.Context, digest string, j *tasks.Job) (store.Seat, error)

// join takes a seat. A flexible job may wait for hours, so it does not get the
// result for others, who would wait with it.
func (d *Dispatcher) join(ctx context.Context, digest string, j *tasks.Job) (store.Seat, error) {
	if j.Flexible {
		seat, err := d.peek(ctx, digest, j)
		seat.Leader = ""
		return seat, err
	}
	return d.store.TakeSeat(ctx, digest, j.ID, equal.LeaderLifetime(j, j.CreatedAt))
}

// peek looks for a seat without taking it.
func (d *Dispatcher) peek(ctx context.Context, digest string, _ *tasks.Job) (store.Seat, error) {
	return d.store.Peek(ctx, digest)
}

// plan notes where a drafted job is meant to go. One that has its answer goes
// nowhere.
func (d *Dispatcher) plan(j *tasks.Job, view View, k known) {
	switch {
	case k.clear != nil:
		j.SpillAt, j.Plan = j.TargetAt, &tasks.Plan{MadeAt: j.CreatedAt, Reason: tasks.PlanFastPath, Lanes: []tasks.LanePlan{}}
		return
	case k.seat.Hit != nil:
		j.SpillAt, j.Plan = j.TargetAt, &tasks.Plan{MadeAt: j.CreatedAt, Reason: tasks.PlanCached, Lanes: []tasks.LanePlan{}}
		return
	}
	d.chart(j, view)
	if k.seat.Leader != "" {
		j.Plan.Reason = tasks.PlanShared
	}
}

// create records a job by what is known of its answer.
func (d *Dispatcher) create(ctx context.Context, j *tasks.Job, input json.RawMessage, once store.Idempotency, k known) (id string, err error) {
	switch {
	case k.clear != nil:
		return d.store.CreateClear(ctx, j, input, once, k.clear)
	case k.seat.Hit != nil:
		return d.store.CreateCached(ctx, j, input, once, k.seat.Hit)
	case k.seat.Leader != "":
		id, err = d.store.CreateFollowing(ctx, j, input, once, k.seat.Leader)
	default:
		id, err = d.store.Create(ctx, j, input, once)
	}
	if id != j.ID && k.digest != "" { // there is no such job, so it has no seat
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seatTimeout)
		defer cancel()
		if err := d.vacate(ctx, j, input, k, id); err != nil {
			d.log.DebugContext(ctx, "seat not given up", "job", j.ID, "error", err)
		}
	}
	return id, err
}

// vacate gives up the seat of a job that was not made.
func (d *Dispatcher) vacate(ctx context.Context, j *tasks.Job, input json.RawMessage, k known, insteadID string) error {
	if k.seat.Leader != "" {
		return d.store.LeaveSeat(ctx, k.digest, j.ID)
	}
	return d.standDown(ctx, j, input, k.digest, insteadID)
}

// standDown gives up the lead of a job that was not made, to the one that another
// request with the same key has made instead, unless that has ended: it may follow
// this one already. If that fails, whoever follows finds that there is no such job.
func (d *Dispatcher) standDown(ctx context.Context, j *tasks.Job, input json.RawMessage, digest, insteadID string) error {
	instead, err := d.store.Find(ctx, insteadID)
	if err == nil && !instead.State.Terminal() {
		// In an experiment it may be of another variant, and then is not equal.
		if equal, err := equal.Digest(instead, input); err == nil && equal == digest {
			return d.pass(ctx, j, digest, insteadID)
		}
	}
	_, err = d.store.Land(ctx, digest, j.ID, nil, 0)
	return err
}

// pass has another job get the result for all in the place of this one.
func (d *Dispatcher) pass(ctx context.Context, j *tasks.Job, digest, to string) error {
	seat, err := d.store.TakeOver(ctx, digest, to, j.ID, equal.LeaderLifetime(j, j.CreatedAt))
	if err != nil || seat.Hit != nil || seat.Leader != "" {
		return err
	}
	return d.store.Unfollow(ctx, to, j.ID, "")
}

// Wake gives a queued job that waited for an equal one fresh tickets at once,
// beside those it has.
func (d *Dispatcher) Wake(ctx context.Context, j *tasks.Job) error {
	woken := *j
	woken.Attempt = -1 // no other ticket of the job has this round
	return d.Issue(ctx, &woken)
}
