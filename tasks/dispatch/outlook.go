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
	full    bool          // by nobody who takes another job now
	backlog time.Duration // work ahead of the job
	own     Forecast
}

// outlooks looks at a job's lanes with a model. Of a job that runs later nobody
// knows what will wait before it.
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

// pressure is the share of the time left that the job needs on the lane: more
// than there is, where nobody takes another job for now.
func (o outlook) pressure(left time.Duration) float64 {
	if o.full {
		return math.Inf(1)
	}
	return pressure(o.backlog, o.own.Quantile(0.5), left)
}

// chart decides when a drafted job's second lane gets its chance, and notes the
// plan that follows from it.
func (d *Dispatcher) chart(j *tasks.Job, view View) {
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
	chances := putOff(view.Plan(j, start), cheap)
	j.Plan = &tasks.Plan{
		PressureLimit: maxPressure,
		MadeAt:        j.CreatedAt, Reason: reason(j, lanes, chances, cheap, start, j.CreatedAt),
		Lanes: d.lanePlans(j, view, lanes, chances, start),
	}
}

// lanePlans tells what is expected of each of the job's lanes.
func (d *Dispatcher) lanePlans(j *tasks.Job, view View, lanes []outlook, chances []Chance, start time.Time) []tasks.LanePlan {
	agent, ok := d.agents.Lookup(j.Agent)
	if !ok {
		return nil // removed a moment ago
	}
	plans := make([]tasks.LanePlan, 0, len(j.Lanes))
	for _, o := range lanes {
		plans = append(plans, tasks.LanePlan{
			Lane: o.lane, At: chanceAt(o.lane, start, j, chances, time.Time{}), Served: o.served,
			Candidates: agents.Order(view.Live.Reach[o.lane], &agent.Agent, j, d.cfg.CloudOrder),
			Pressure:   rounded(o.pressure(j.TargetAt.Sub(start))), Backlog: toMillis(o.backlog),
			Expected: toMillis(o.own.Quantile(0.5)), Expected95: toMillis(o.own.Quantile(0.95)),
		})
	}
	if slices.Contains(j.Lanes, tasks.Scorecard) {
		plans = append(plans, tasks.LanePlan{
			Lane: tasks.Scorecard, At: chanceAt(tasks.Scorecard, start, j, chances, j.Deadline),
			Served: view.Serves(tasks.Scorecard, j), Candidates: []string{scorecardCandidate},
		})
	}
	return plans
}

// scorecardCandidate is how attempts name the agent's rules.
const scorecardCandidate = "scorecard/rules"

// chanceAt is when a lane gets its chance, zero for at once; without one for now,
// the time named last.
func chanceAt(lane tasks.Lane, start time.Time, j *tasks.Job, chances []Chance, last time.Time) time.Time {
	i := slices.IndexFunc(chances, func(c Chance) bool { return c.Lane == lane })
	switch {
	case i < 0:
		return last
	case chances[i].At.IsZero() && j.RunAt.Before(start):
		return time.Time{}
	case chances[i].At.IsZero():
		return j.RunAt
	default:
		return chances[i].At.UTC().Truncate(time.Millisecond)
	}
}

// reason says in a word what decided the plan.
func reason(j *tasks.Job, lanes []outlook, chances []Chance, cheap, start, now time.Time) tasks.PlanReason {
	switch {
	case j.RunAt.After(now):
		return tasks.PlanScheduled
	case slices.ContainsFunc(chances, func(c Chance) bool { return c.Lane == tasks.Scorecard }):
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

// putOff gives the cloud no chance before that time.
func putOff(chances []Chance, until time.Time) []Chance {
	for i, c := range chances {
		if c.Lane == tasks.Cloud && c.At.Before(until) {
			chances[i].At = until
		}
	}
	return chances
}

// most is the largest pressure that is told: JSON has no infinity.
const most = 99

func rounded(pressure float64) float64 { return math.Round(min(pressure, most)*1000) / 1000 }

func toMillis(d time.Duration) tasks.Duration { return tasks.Duration(d.Round(time.Millisecond)) }
