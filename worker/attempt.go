package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// attempt is one claim of a job by this worker.
type attempt struct {
	*Worker
	job     *tasks.Job
	input   json.RawMessage
	lane    tasks.Lane
	log     *slog.Logger
	journal journal             // what is yet to be told
	records []tasks.Attempt     // what each candidate did
	calls   []providers.Attempt // those of models, as the router told of them
	version string              // of the agent it runs with
	cost    tasks.Money         // of all its calls
	comes   tasks.Lane          // that of a candidate which the job names and which may yet be reached
	unspent bool                // the job has not been told of the last of it
	// deadline is the job's by this machine's clock; the job's own is by the
	// clock of Redis.
	deadline time.Time
	canceled <-chan struct{} // holds a wake-up when the job may have been canceled
	mask     *privacy.Mask   // of the data on its way to the cloud; nil: it is not masked
}

// take turns a ticket into a claim, and runs the job if it gets it. It runs on
// the worker's own context: the queue's ends when Redis is away for long, and
// that is no reason to drop an answer.
func (w *Worker) take(ctx context.Context, t queue.Ticket) error {
	w.inHand.Add(1)
	defer w.inHand.Done()
	if !t.Lane.Known() {
		w.Log.ErrorContext(ctx, "ticket for a lane that does not exist", "job", t.JobID, "lane", t.Lane)
		return nil
	}
	if !w.hasAgent(ctx, t) {
		return w.handBack(ctx, t)
	}
	if t.Lane == tasks.Scorecard && w.modelIsBack(ctx, t.JobID) {
		return nil
	}
	return w.claim(ctx, t.JobID, t.Lane)
}

// modelIsBack reports whether a lane with a model is served for a job whose
// ticket is the scorecard's: it was issued when none was. The job then gets
// tickets for that lane instead.
func (w *Worker) modelIsBack(ctx context.Context, id string) bool {
	j, err := w.Store.Find(ctx, id)
	if err != nil {
		return false
	}
	view, err := w.Dispatcher.View(ctx)
	if err != nil || !slices.ContainsFunc(j.OpenLanes(), func(l tasks.Lane) bool {
		return l != tasks.Scorecard && view.Serves(l, j)
	}) {
		return false
	}
	if err := w.Dispatcher.Issue(ctx, j); err != nil {
		w.Log.WarnContext(ctx, "tickets not issued; a watchdog will", "job", id, "error", err)
	}
	return true
}

// claim claims a job on a lane, and runs it if it gets it.
func (w *Worker) claim(ctx context.Context, id string, lane tasks.Lane) error {
	if lane == tasks.Local {
		if w.host.full() {
			return &queue.Retry{After: fullPause}
		}
		// The queue's own slots are not enough: it frees one when Redis was away
		// for long, and an older server may still be at work.
		select {
		case w.gpu <- struct{}{}:
			defer func() { <-w.gpu }()
		default:
			return &queue.Retry{After: time.Second}
		}
	}
	canceled, leave := w.Store.OnCancel(id) // before the claim, so that nothing is missed
	defer leave()
	claim, err := w.Store.Claim(ctx, id, lane, w.id)
	for err == nil && claim.Verdict == store.Follows {
		if err := w.follow(ctx, id, claim.Leader, lane); err != nil {
			return err
		}
		claim, err = w.Store.Claim(ctx, id, lane, w.id)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "claim failed; the ticket comes back", "job", id, "lane", lane, "error", err)
		return &queue.Retry{After: time.Second, Cause: err}
	}
	switch claim.Verdict {
	case store.Claimed:
		a := w.attempt(claim, lane)
		a.canceled = canceled
		a.run()
		return nil
	case store.Busy:
		return &queue.Retry{After: max(time.Second, claim.Wait)}
	default: // ended, unknown, or this lane has given up: the ticket is spent
		return nil
	}
}

func (w *Worker) attempt(c *store.Claim, lane tasks.Lane) *attempt {
	log := w.Log.With("job", c.Job.ID, "agent", c.Job.Agent, "attempt", c.Job.Attempt, "lane", lane, "trace_id", c.Job.TraceID)
	a := &attempt{Worker: w, job: c.Job, input: c.Input, lane: lane, log: log, deadline: time.Now().Add(c.Left)}
	a.journal.tell = a.tell
	return a
}

// maxCrashes is how many workers a job may take down with it. Whether a worker died
// or had lost touch with Redis for a lease cannot be told apart, so both count; hence
// so many.
const maxCrashes = 10

// run gets an answer and settles the job.
func (a *attempt) run() {
	a.running[a.lane].Add(1)
	defer a.running[a.lane].Add(-1)
	ctx, cancel := context.WithCancelCause(a.base)
	defer cancel(nil)
	stopHolding := a.hold(ctx, cancel)
	defer stopHolding()

	began := time.Now()
	outcome := a.answer(ctx)
	took := time.Since(began)
	err := a.settle(outcome)
	switch {
	case err == nil:
		a.learn(outcome, took)
		a.log.Info("attempt settled", "outcome", outcome.kind, "candidates", len(a.records))
	case errors.Is(err, store.ErrStale):
		a.log.Info("attempt dropped", "reason", err)
	default:
		a.log.Error("outcome not written; another attempt follows when the lease ends", "outcome", outcome.kind, "error", err)
	}
	a.share(outcome, err)
}

// answer decides how this attempt ends. It is the whole life of an attempt:
// the lane's candidates in order, then the other lanes, then the last resort.
func (a *attempt) answer(ctx context.Context) outcome {
	agent, ok := a.Agents.Lookup(a.job.Agent)
	if !ok {
		return a.withoutAgent(ctx)
	}
	a.version = agent.Version
	if a.job.Crashes >= maxCrashes {
		return failed(tasks.Errorf(tasks.CodeCrashLoop, "%d workers were lost while they ran this job", a.job.Crashes))
	}
	if a.lane == tasks.Scorecard {
		a.noteMissing()
		return a.lastResort(ctx, agent, nil)
	}
	bounded, cancel := context.WithDeadline(ctx, a.deadline)
	defer cancel()
	output, err := a.ask(bounded, agent)
	switch {
	case err == nil:
		return succeeded(output)
	case ctx.Err() != nil:
		return interrupted(ctx)
	}
	a.log.Warn("no answer from this lane", "error", err)
	if bounded.Err() == nil && a.elsewhere(ctx, err) {
		return released(store.Release{Reason: store.ReasonElsewhere})
	}
	if bounded.Err() == nil {
		if o, ok := a.later(ctx, err); ok {
			return o
		}
		if o, ok := a.untilReached(ctx, err); ok {
			return o
		}
	}
	if bounded.Err() == nil && a.otherLane(ctx) {
		return released(store.Release{Reason: store.ReasonExhausted, Exhausted: a.lane})
	}
	if bounded.Err() == nil && a.firstLaneAgain(ctx) {
		return released(store.Release{Reason: store.ReasonExhausted, Exhausted: a.lane, Forgive: true})
	}
	return a.lastResort(ctx, agent, err)
}

// ask walks the lane's candidates. A ticket is a chance, not a permission: what
// the job allows is looked at here, so that no stray ticket takes data to where
// it may not go.
func (a *attempt) ask(ctx context.Context, agent *agents.Agent) (json.RawMessage, error) {
	if !slices.Contains(a.job.Lanes, a.lane) {
		return nil, fmt.Errorf("the job may not run on the lane %s", a.lane)
	}
	veil, err := a.draw(ctx, agent)
	if err != nil {
		return nil, err
	}
	req, err := request(agent, a.job, veil.input)
	if err != nil {
		return nil, err
	}
	a.noteMissing()
	stopAt := a.stopAt(ctx)
	answer, err := a.walk(ctx, &providers.Route{
		Candidates: veil.over(a.unsettled(a.Fleet.Candidates(a.lane, agent, a.job))),
		Request:    *req,
		Owner:      providers.Owner{Tenant: a.job.Tenant, Agent: a.job.Agent},
		Job:        a.job.ID,
		Since:      a.since(),
		StopAt:     stopAt,
		WaitUntil:  a.holdUntil(stopAt),
		Fit: func(ctx context.Context, c providers.Candidate, req *providers.Request) error {
			if err := veil.check(req); err != nil {
				return err
			}
			return a.fit(ctx, agent, c, req)
		},
		Check:     checkOutput(agent),
		OnDelta:   func(_ providers.Candidate, d providers.Delta) { a.journal.write(d.Text) },
		OnAttempt: func(r providers.Attempt) { a.record(a.lane, r); a.note(&r) },
	})
	if err != nil {
		return nil, err
	}
	return answer.Output, nil
}

// walk asks the router. A panic on the way is an error like any other: it must
// end neither the worker nor the job.
func (a *attempt) walk(ctx context.Context, r *providers.Route) (answer *providers.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("panic while a candidate was asked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return a.Router.Run(ctx, r)
}
