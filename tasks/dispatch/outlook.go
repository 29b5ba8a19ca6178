package dispatch

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
)

// outlook is what a lane is expected to do with a job.
type outlook struct {
	lane    tasks.Lane
	served  bool
	full    bool          // every worker that serves it is too busy for another job
	backlog time.Duration // work ahead of the job
	own     Forecast
}

// outlooks returns what to expect of a job's lanes with a model. For a scheduled job
// the backlog at that time is not known, and left out.
func (v View) outlooks(j *tasks.Job) []outlook {
	var all []outlook
	for _, lane := range modelLanes(j.OpenLanes()) {
		o := outlook{lane: lane, served: v.Serves(lane, j), full: v.Live.Full[queueOf(lane, j.Complexity)], own: v.forecast(lane, j.Agent, j.Complexity)}
		if j.State != "" || j.RunAt.IsZero() {
			// No job waits for longer than it has time.
			o.backlog = min(v.backlogBefore(lane, j, v.backlog[queue.Name(lane, j.Complexity, j.Priority)]), max(0, j.Deadline.Sub(j.CreatedAt)))
		}
		all = append(all, o)
	}
	return all
}

// pressure is the share of the time left that the job needs on the lane: infinite
// while every worker of the lane is too busy.
func (o outlook) pressure(left time.Duration) float64 {
	if o.full {
		return math.Inf(1)
	}
	return pressure(o.backlog, o.own.Quantile(0.5), left)
}

// planLanes decides when a drafted job's second lane gets its ticket, and sets the
// job's plan.
func (d *Dispatcher) planLanes(j *tasks.Job, view View) {
	start := j.CreatedAt
	if !j.RunAt.IsZero() {
		start = j.RunAt
	}
	lanes, cheap := view.outlooks(j), d.cheapFrom(j, view, start)
	j.SpillAt = j.TargetAt
	if len(lanes) > 1 {
		first, second := lanes[0], lanes[1]
		j.SpillAt = spillTime(start, j.TargetAt, first.served && !first.full, first.backlog, first.own, second.own)
		if second.lane == tasks.Cloud && j.SpillAt.Before(cheap) {
			j.SpillAt = cheap
		}
	}
	j.SpillAt = j.SpillAt.UTC().Truncate(time.Millisecond)
	planned := postponeCloud(view.Plan(j, start), cheap)
	j.Plan = &tasks.Plan{
		PressureLimit: maxPressure,
		MadeAt:        j.CreatedAt, Reason: reason(j, lanes, planned, cheap, start, j.CreatedAt),
		Lanes: d.lanePlans(j, view, lanes, planned, start),
	}
}

// lanePlans returns what is expected of each of the job's lanes.
func (d *Dispatcher) lanePlans(j *tasks.Job, view View, lanes []outlook, planned []PlannedTicket, start time.Time) []tasks.LanePlan {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok {
		return nil // removed a moment ago
	}
	plans := make([]tasks.LanePlan, 0, len(j.Lanes))
	for _, o := range lanes {
		plans = append(plans, tasks.LanePlan{
			Lane: o.lane, At: ticketAt(o.lane, start, j, planned, time.Time{}), Served: o.served,
			Candidates: agents.Order(view.Live.Reach[o.lane], &agent.Agent, j, d.cfg.CloudOrder),
			Pressure:   rounded(o.pressure(j.TargetAt.Sub(start))), Backlog: toMillis(o.backlog),
			Expected: toMillis(o.own.Quantile(0.5)), Expected95: toMillis(o.own.Quantile(0.95)),
		})
	}
	if slices.Contains(j.Lanes, tasks.Scorecard) {
		plans = append(plans, tasks.LanePlan{
			Lane: tasks.Scorecard, At: ticketAt(tasks.Scorecard, start, j, planned, j.Deadline),
			Served: view.Serves(tasks.Scorecard, j), Candidates: []string{scorecardCandidate},
		})
	}
	return plans
}

// scorecardCandidate is how attempts name the agent's rules.
const scorecardCandidate = "scorecard/rules"

// ticketAt returns when a lane's ticket falls due, zero for at once, or last if it
// has none.
func ticketAt(lane tasks.Lane, start time.Time, j *tasks.Job, planned []PlannedTicket, last time.Time) time.Time {
	i := slices.IndexFunc(planned, func(t PlannedTicket) bool { return t.Lane == lane })
	switch {
	case i < 0:
		return last
	case planned[i].At.IsZero() && j.RunAt.Before(start):
		return time.Time{}
	case planned[i].At.IsZero():
		return j.RunAt
	default:
		return planned[i].At.UTC().Truncate(time.Millisecond)
	}
}

// reason returns what decided the plan.
func reason(j *tasks.Job, lanes []outlook, planned []PlannedTicket, cheap, start, now time.Time) tasks.PlanReason {
	switch {
	case j.RunAt.After(now):
		return tasks.PlanScheduled
	case slices.ContainsFunc(planned, func(t PlannedTicket) bool { return t.Lane == tasks.Scorecard }):
		return tasks.PlanLastResort
	case cheap.After(start):
		return tasks.PlanCheapHours
	case len(lanes) < 2:
		return tasks.PlanOnlyLane
	case !lanes[0].served:
		return tasks.PlanUnserved
	case !lanes[1].served:
		return tasks.PlanOnlyLane
	case lanes[0].pressure(j.TargetAt.Sub(start)) >= maxPressure:
		return tasks.PlanPressed
	}
	return tasks.PlanFirstLane
}

// cheapFrom is when a flexible job's cloud becomes cheap; zero: there is no
// reason to wait, since it is cheap already or the deadline does not allow it.
func (d *Dispatcher) cheapFrom(j *tasks.Job, view View, now time.Time) time.Time {
	if !j.Flexible || d.cfg.OffPeakAt == nil || !slices.Contains(j.Lanes, tasks.Cloud) {
		return time.Time{}
	}
	cheap := d.cfg.OffPeakAt(providersOf(view.Live.Reach[tasks.Cloud].Models), now)
	needs := view.forecast(tasks.Cloud, j.Agent, j.Complexity).Quantile(0.95)
	if !cheap.After(now) || cheap.Add(needs).After(j.Deadline) {
		return time.Time{}
	}
	return cheap
}

// providersOf names the providers of models.
func providersOf(models []string) []string {
	var names []string
	for _, m := range models {
		if name, _, _ := strings.Cut(m, "/"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// postponeCloud moves the cloud's ticket to that time, unless it is later already.
func postponeCloud(planned []PlannedTicket, until time.Time) []PlannedTicket {
	for i, c := range planned {
		if c.Lane == tasks.Cloud && c.At.Before(until) {
			planned[i].At = until
		}
	}
	return planned
}

// maxShownPressure is the largest pressure that a plan shows: JSON has no infinity.
const maxShownPressure = 99

func rounded(pressure float64) float64 {
	return math.Round(min(pressure, maxShownPressure)*1000) / 1000
}

func toMillis(d time.Duration) tasks.Duration { return tasks.Duration(d.Round(time.Millisecond)) }
