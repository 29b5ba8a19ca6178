package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/store"
)

const (
	// seatTimeout bounds how long a submission waits for the cache: it spares
	// work, and is not worth a delay.
	seatTimeout = 250 * time.Millisecond
	// flightSlack is how long after its job's deadline a flight may still land.
	flightSlack = time.Minute
)

// Digest names what makes jobs equal, so that one's result answers the other: the
// tenant, the agent and its version, the language, the privacy, the class of
// models, the arm of an experiment, and the input by its values: neither order nor
// white space counts, nor how a number or a letter is written.
func Digest(j *tasks.Job, input json.RawMessage) (string, error) {
	_, decoded, err := canonical(input)
	if err != nil {
		return "", fmt.Errorf("digest the input: %w", err)
	}
	return digestOf(j, decoded)
}

// digestOf is Digest for a decoded input.
func digestOf(j *tasks.Job, input any) (string, error) {
	same, err := json.Marshal(equalForm(input))
	if err != nil {
		return "", fmt.Errorf("digest the input: %w", err)
	}
	return fingerprint(same, []any{j.Tenant, j.Agent, j.AgentVersion, j.Language, j.Privacy, j.Complexity, j.Candidates, j.Variant})
}

// fingerprint is the SHA-256 of the JSON of what surrounds an input, and of the
// input. A line end, which the former cannot hold, stands between them.
func fingerprint(input canonicalJSON, around any) (string, error) {
	body, err := json.Marshal(around)
	if err != nil {
		return "", fmt.Errorf("fingerprint what is around an input: %w", err)
	}
	digest := sha256.Sum256(append(append(body, '\n'), input...))
	return hex.EncodeToString(digest[:]), nil
}

// canonicalJSON is JSON with sorted members, no white space, and numbers as they
// were.
type canonicalJSON []byte

// canonical returns a text in that form, and decoded.
func canonical(text []byte) (same canonicalJSON, decoded any, err error) {
	if decoded, err = agents.Decode(text); err != nil {
		return nil, nil, err
	}
	same, err = json.Marshal(decoded)
	return same, decoded, err
}

// FlightLasts is how long a job may get the result for all equal ones.
func FlightLasts(j *tasks.Job, now time.Time) time.Duration {
	return max(j.Deadline.Sub(now), 0) + flightSlack
}

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
	if !Shares(agent, j) {
		return known{}
	}
	digest, err := digestOf(j, s.decoded)
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
	return d.store.TakeSeat(ctx, digest, j.ID, FlightLasts(j, j.CreatedAt))
}

// peek looks for a seat without taking it.
func (d *Dispatcher) peek(ctx context.Context, digest string, _ *tasks.Job) (store.Seat, error) {
	return d.store.Peek(ctx, digest)
}

// Shares reports whether a job takes part in the sharing of results.
func Shares(agent *agents.Agent, j *tasks.Job) bool {
	return agent.CacheTTL > 0 && j.Cache != tasks.CacheBypassed
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
		if equal, err := Digest(instead, input); err == nil && equal == digest {
			return d.pass(ctx, j, digest, insteadID)
		}
	}
	_, err = d.store.Land(ctx, digest, j.ID, nil, 0)
	return err
}

// pass has another job get the result for all in the place of this one.
func (d *Dispatcher) pass(ctx context.Context, j *tasks.Job, digest, to string) error {
	seat, err := d.store.TakeOver(ctx, digest, to, j.ID, FlightLasts(j, j.CreatedAt))
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
