package dispatch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

const (
	// maxDeadline bounds how far off a job's run-at time, and from there its
	// deadline, may be.
	maxDeadline = 30 * 24 * time.Hour
	// waitDeadline is how long a job that waits for its models does so unless it
	// says otherwise: longer than any outage that is not given up on.
	waitDeadline = 24 * time.Hour
	minRetention = time.Minute
	maxRetention = 90 * 24 * time.Hour
)

// draft checks a submission and makes the job it asks for. All faults are reported
// at once, with pointers into the request body.
func (d *Dispatcher) draft(tenant string, s *request, now time.Time) (*tasks.Job, error) {
	agent, ok := d.agents.Lookup(s.Agent)
	if !ok {
		e := tasks.Errorf(tasks.CodeUnknownAgent, "there is no agent %.32q; these are: %s", s.Agent, strings.Join(d.agentIDs(), ", "))
		e.Faults = []tasks.Fault{{Pointer: "/agent", Detail: "not the ID of an agent"}}
		return nil, e
	}
	now = now.UTC().Truncate(time.Millisecond) // as times are kept
	start := now
	if s.RunAt.After(now) {
		start = s.RunAt.UTC().Truncate(time.Millisecond)
	}
	j := &tasks.Job{
		Tenant: tenant, Agent: agent.ID, AgentVersion: agent.Version,
		Complexity:  cmp.Or(s.Complexity, agent.Complexity),
		Language:    cmp.Or(s.Language, tasks.Chinese),
		Privacy:     cmp.Or(s.Privacy, tasks.PrivacyAny).AtLeast(agent.Privacy).AtLeast(d.leastPrivacy(tenant)),
		OnExhausted: cmp.Or(s.OnExhausted, tasks.Degrade),
		Candidates:  s.Candidates, Flexible: s.Flexible,
		CallbackURL: s.CallbackURL, CallbackEvents: s.CallbackEvents, Metadata: s.Metadata,
		CreatedAt: now, TargetAt: start.Add(agent.Target.Std()), Deadline: start.Add(agent.Deadline.Std()),
		Retention: s.Retention, RerunOf: s.RerunOf,
	}
	if start != now {
		j.RunAt = start
	}
	if s.Priority != tasks.PriorityNormal {
		j.Priority = s.Priority
	}
	if s.Cache != tasks.CacheUsed {
		j.Cache = s.Cache
	}
	if j.OnExhausted == tasks.Wait {
		j.Deadline = start.Add(max(agent.Deadline.Std(), waitDeadline))
	}
	if !s.Deadline.IsZero() {
		j.Deadline = s.Deadline.UTC().Truncate(time.Millisecond)
	}
	if j.TargetAt.After(j.Deadline) {
		j.TargetAt = j.Deadline
	}
	j.Lanes = d.lanes(agent, j)
	if faults := d.faults(s, agent, j, now, start); len(faults) > 0 {
		e := tasks.Errorf(tasks.CodeInvalid, "the job cannot be accepted as it is")
		e.Faults = faults
		return nil, e
	}
	return j, nil
}

// leastPrivacy is the least that a tenant's jobs ask for.
func (d *Dispatcher) leastPrivacy(tenant string) tasks.Privacy {
	if d.cfg.LeastPrivacy == nil {
		return tasks.PrivacyAny
	}
	return d.cfg.LeastPrivacy(tenant)
}

// lanes lists where a job may run, first lane first: those of its agent that its
// privacy allows, and, when it names its candidates, on which one of them answers.
func (d *Dispatcher) lanes(agent *agents.Agent, j *tasks.Job) []tasks.Lane {
	var all []tasks.Lane
	for _, lane := range agent.Lanes {
		if lane == tasks.Cloud && j.Privacy == tasks.LocalOnly || !d.answersOn(lane, j.Candidates) {
			continue
		}
		all = append(all, lane)
	}
	if j.OnExhausted == tasks.Degrade && agent.HasScorecard() {
		all = append(all, tasks.Scorecard)
	}
	return all
}

// answersOn reports whether one of the candidates answers on a lane. Without
// candidates every lane does; so does one whose provider is not known.
func (d *Dispatcher) answersOn(lane tasks.Lane, candidates []string) bool {
	if len(candidates) == 0 || d.cfg.LaneOf == nil {
		return true
	}
	return slices.ContainsFunc(candidates, func(c string) bool {
		provider, _, _ := strings.Cut(c, "/")
		on := d.cfg.LaneOf(provider)
		return on == "" || on == lane
	})
}

func (d *Dispatcher) faults(s *request, agent *agents.Agent, j *tasks.Job, now, start time.Time) []tasks.Fault {
	var faults []tasks.Fault
	add := func(pointer, detail string) {
		faults = append(faults, tasks.Fault{Pointer: pointer, Detail: detail})
	}
	if !j.Complexity.Known() {
		add("/complexity", "must be low, medium, high or extreme")
	}
	if !slices.Contains([]tasks.Language{tasks.Chinese, tasks.English}, j.Language) {
		add("/language", "must be zh or en")
	}
	if s.Privacy != "" && !s.Privacy.Known() {
		add("/privacy", "must be any, mask_fields, mask or local_only")
	}
	if s.Priority != "" && !s.Priority.Known() {
		add("/priority", "must be high, normal or low")
	}
	if !slices.Contains([]tasks.OnExhausted{tasks.Degrade, tasks.Wait, tasks.GiveUp}, j.OnExhausted) {
		add("/on_exhausted", "must be degrade, wait or fail")
	}
	if len(j.Lanes) == 0 && len(j.Candidates) > 0 {
		add("/candidates", "none of them answers on a lane that the agent and the job's privacy allow; name another one, or leave it out")
	} else if len(j.Lanes) == 0 {
		add("/privacy", "leaves this agent no lane to run on; allow another lane, or on_exhausted degrade")
	}
	if s.RunAt.Sub(now) > maxDeadline {
		add("/run_at", "is more than 30 days off")
	}
	if most := cmp.Or(d.cfg.MaxRetention, maxRetention); s.Retention != 0 && (s.Retention.Std() < minRetention || s.Retention.Std() > most) {
		add("/retention", fmt.Sprintf("must be from %.0f to %.0f seconds, which is the longest that this installation keeps ended jobs", minRetention.Seconds(), most.Seconds()))
	}
	switch {
	case !j.RunAt.IsZero() && !j.Deadline.After(j.RunAt):
		add("/deadline", "is not after run_at")
	case !j.Deadline.After(now):
		add("/deadline", "is past; give a time in the future, or leave it out")
	case j.Deadline.Sub(start) > maxDeadline:
		add("/deadline", "is more than 30 days after the job may start")
	}
	if s.CallbackURL != "" {
		if d.cfg.CheckCallback == nil {
			add("/callback_url", "webhooks are not set up here; the operator has to set SPILLWAY_WEBHOOK_SECRET")
		} else if err := d.cfg.CheckCallback(s.CallbackURL); err != nil {
			add("/callback_url", err.Error())
		}
	}
	for _, f := range s.inputFaults(agent) {
		add("/input"+f.Pointer, f.Detail)
	}
	return faults
}

func (d *Dispatcher) agentIDs() []string {
	var ids []string
	for _, a := range d.agents.All() {
		ids = append(ids, a.ID)
	}
	return ids
}
