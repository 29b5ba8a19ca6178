package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/topcentral/spillway/providers"
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
	records []tasks.Attempt // what each candidate did
}

// take turns a ticket into a claim, and runs the job if it gets it. It runs on
// the worker's own context: the queue's ends when Redis is away for long, and
// that is no reason to drop an answer.
func (w *Worker) take(ctx context.Context, t queue.Ticket) error {
	if !t.Lane.Known() {
		w.Log.ErrorContext(ctx, "ticket for a lane that does not exist", "job", t.JobID, "lane", t.Lane)
		return nil
	}
	claim, err := w.Store.Claim(ctx, t.JobID, t.Lane, w.id)
	if err != nil {
		return &queue.Retry{After: time.Second, Cause: err}
	}
	switch claim.Verdict {
	case store.Claimed:
		a := &attempt{Worker: w, job: claim.Job, input: claim.Input, lane: t.Lane}
		a.run()
		return nil
	case store.Busy:
		return &queue.Retry{After: max(time.Second, time.Until(claim.Until))}
	default: // ended, unknown, or this lane has given up: the ticket is spent
		return nil
	}
}

// maxCrashes is how many workers a job may take down with it.
const maxCrashes = 5

// run gets an answer and settles the job.
func (a *attempt) run() {
	a.running[a.lane].Add(1)
	defer a.running[a.lane].Add(-1)
	ctx, cancel := context.WithCancelCause(a.base)
	defer cancel(nil)
	stopHolding := a.hold(ctx, cancel)
	defer stopHolding()

	log := a.Log.With("job", a.job.ID, "agent", a.job.Agent, "attempt", a.job.Attempt, "lane", a.lane)
	outcome := a.answer(ctx)
	if err := a.settle(outcome); err != nil {
		log.Info("attempt dropped", "error", err)
		return
	}
	log.Info("attempt settled", "outcome", outcome.kind, "candidates", len(a.records))
}

// answer decides how this attempt ends. It is the whole life of an attempt:
// the lane's candidates in order, then the other lanes, then the last resort.
func (a *attempt) answer(ctx context.Context) outcome {
	agent, ok := a.Agents.Lookup(a.job.Agent)
	if !ok {
		return failed(tasks.Errorf(tasks.CodeUnknownAgent, "agent %s is no longer there", a.job.Agent))
	}
	if a.job.Crashes >= maxCrashes {
		return failed(tasks.Errorf(tasks.CodeCrashLoop, "%d workers were lost while they ran this job", a.job.Crashes))
	}
	if a.lane == tasks.Scorecard {
		return a.lastResort(ctx, agent, nil)
	}
	bounded, cancel := context.WithDeadline(ctx, a.job.Deadline)
	defer cancel()
	output, err := a.ask(bounded, agent)
	switch {
	case err == nil:
		return succeeded(output)
	case ctx.Err() != nil:
		return interrupted(ctx)
	case bounded.Err() == nil && a.otherLane(ctx):
		return released(store.Release{Reason: store.ReasonExhausted, Exhausted: a.lane})
	}
	return a.lastResort(ctx, agent, err)
}

// ask walks the lane's candidates.
func (a *attempt) ask(ctx context.Context, agent *agents.Agent) (json.RawMessage, error) {
	req, err := request(agent, a.job, a.input)
	if err != nil {
		return nil, err
	}
	deltas := a.streamDeltas(ctx)
	defer deltas.close()
	answer, err := a.Router.Run(ctx, &providers.Route{
		Candidates: a.Fleet.Candidates(a.lane, agent, a.job.Complexity),
		Request:    *req,
		Check:      checkOutput(agent),
		OnDelta:    func(_ providers.Candidate, d providers.Delta) { deltas.add(d.Text) },
		OnAttempt:  a.record,
	})
	if err != nil {
		return nil, err
	}
	return answer.Output, nil
}

// otherLane reports whether a lane is left that can run the job: one that has
// not given up on it and that a live worker serves.
func (a *attempt) otherLane(ctx context.Context) bool {
	live, err := a.Dispatcher.Live(ctx)
	if err != nil {
		return false
	}
	for _, lane := range a.job.OpenLanes() {
		if lane != a.lane && lane != tasks.Scorecard && live.Serves(lane, a.job.Complexity) {
			return true
		}
	}
	return false
}

// lastResort is for a job that no lane can answer, for the reason given, or
// whose time is up: the scorecard, waiting, or an honest failure, as the job
// asks.
func (a *attempt) lastResort(ctx context.Context, agent *agents.Agent, cause error) outcome {
	late := !time.Now().Before(a.job.Deadline)
	switch {
	case a.job.OnExhausted == tasks.Degrade && agent.HasScorecard():
		answer, err := a.Router.Run(ctx, &providers.Route{
			Candidates: a.Fleet.Candidates(tasks.Scorecard, agent, a.job.Complexity),
			Request:    providers.Request{Agent: a.job.Agent, Input: a.input, Language: string(a.job.Language)},
			Check:      checkOutput(agent),
			OnAttempt:  a.record,
		})
		if err == nil {
			return degraded(answer.Output)
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		a.Log.Error("scorecard failed", "job", a.job.ID, "agent", a.job.Agent, "error", err)
		return failed(tasks.Errorf(tasks.CodeInternal, "the scorecard of agent %s failed", agent.ID).WithCause(err))
	case a.job.OnExhausted == tasks.Wait && !late:
		return released(store.Release{Reason: store.ReasonWaiting, Forgive: true, Recheck: a.comeBack(cause)})
	case late:
		return failed(tasks.Errorf(tasks.CodeDeadline, "no answer came before the job's deadline"))
	}
	return failed(tasks.Errorf(tasks.CodeExhausted, "every candidate failed; see attempts").WithCause(cause))
}

const (
	minWait = 2 * time.Second
	maxWait = time.Minute
)

// comeBack is how long a waiting job stays away: as long as its providers
// asked for, within bounds.
func (a *attempt) comeBack(cause error) time.Duration {
	wait := 10 * time.Second
	if e, ok := errors.AsType[*providers.ExhaustedError](cause); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	return min(max(wait, minWait), maxWait)
}
