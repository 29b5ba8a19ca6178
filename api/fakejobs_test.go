package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// memory is Jobs and Events in memory, faithful to their contracts.
type memory struct {
	mu      sync.Mutex
	jobs    map[string]*tasks.Job
	tenants map[string]string // job → tenant
	logs    map[string][]tasks.Event
	keys    map[string]keyed         // tenant and idempotency key → what they made
	wakes   map[chan struct{}]string // of who waits for news → of which job
	broken  error                    // what every call fails with, if set
	lost    error                    // what Since fails with once it has caught up, if set
}

// keyed is the job that an idempotency key has made, and of what.
type keyed struct{ id, body string }

func newMemory() *memory {
	return &memory{
		jobs:    make(map[string]*tasks.Job),
		tenants: make(map[string]string),
		logs:    make(map[string][]tasks.Event),
		keys:    make(map[string]keyed),
		wakes:   make(map[chan struct{}]string),
	}
}

func (m *memory) deps() Deps {
	return Deps{Jobs: m, Events: m, Webhooks: newFakeWebhooks(), Agents: catalogue, Health: func(context.Context) Health {
		return Health{Status: HealthOK, Redis: RedisHealth{Status: HealthOK}}
	}}
}

// checkSubmission finds the faults that there are to find.
func checkSubmission(s *tasks.Submission) error {
	known := slices.ContainsFunc(catalogue(), func(a AgentDefinition) bool { return a.ID == s.Agent })
	if !known {
		return tasks.Errorf(tasks.CodeUnknownAgent, "There is no agent %q.", s.Agent)
	}
	if strings.Contains(string(s.Input), `"bad"`) {
		e := tasks.Errorf(tasks.CodeInvalid, "The input does not fit the agent.")
		e.Faults = []tasks.Fault{{Pointer: "/input/bad", Detail: "is not wanted"}}
		return e
	}
	return nil
}

func (m *memory) Preview(_ context.Context, tenant string, s *tasks.Submission) (*tasks.Preview, error) {
	if err := checkSubmission(s); err != nil {
		return nil, err
	}
	job := newJob(tenant, s)
	job.ID, job.State = "", tasks.Queued
	job.Plan = &tasks.Plan{MadeAt: job.CreatedAt, Reason: tasks.PlanUnserved, Lanes: []tasks.LanePlan{
		{Lane: tasks.Local, At: job.TargetAt, Pressure: 0.5, Backlog: tasks.Duration(time.Second), Expected: tasks.Duration(time.Second), Expected95: tasks.Duration(2 * time.Second)},
		{Lane: tasks.Cloud, Served: true, Candidates: []string{"kimi/kimi-k3"}},
	}}
	return &tasks.Preview{Job: job, MaxCost: tasks.Dollar / 1000, Masked: map[string]int{"phone": 1}}, nil
}

func (m *memory) Submit(ctx context.Context, tenant string, s *tasks.Submission) (*tasks.Job, bool, error) {
	if err := checkSubmission(s); err != nil {
		return nil, false, err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, false, m.broken
	}
	key := tenant + " " + s.IdempotencyKey
	if made, ok := m.keys[key]; ok && s.IdempotencyKey != "" {
		if made.body != string(body) {
			return nil, false, tasks.Errorf(tasks.CodeKeyReused, "This Idempotency-Key has made a job of another request.")
		}
		return new(*m.jobs[made.id]), true, nil
	}
	job := newJob(tenant, s)
	job.TraceID = tasks.TraceOf(ctx).ID()
	m.jobs[job.ID], m.tenants[job.ID], m.keys[key] = job, tenant, keyed{job.ID, string(body)}
	if job.RunAt.IsZero() {
		m.enter(job, tasks.Queued)
	} else {
		m.enter(job, tasks.Scheduled)
	}
	return new(*job), false, nil
}

// newJob makes a job of s, in no state yet.
func newJob(tenant string, s *tasks.Submission) *tasks.Job {
	now := time.Now().UTC()
	job := &tasks.Job{
		ID: tasks.NewID(), Tenant: tenant, Agent: s.Agent, AgentVersion: "1", Complexity: tasks.High,
		Language: tasks.Chinese, Privacy: tasks.PrivacyAny, OnExhausted: tasks.Degrade,
		CallbackURL: s.CallbackURL, Metadata: s.Metadata, RunAt: s.RunAt,
		Retention: tasks.Duration(7 * 24 * time.Hour),
		CreatedAt: now, TargetAt: now.Add(40 * time.Second), Deadline: now.Add(10 * time.Minute),
	}
	if s.Retention != 0 {
		job.Retention = s.Retention
	}
	return job
}

func (m *memory) Job(_ context.Context, tenant, id string) (*tasks.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	job, ok := m.jobs[id]
	if !ok || m.tenants[id] != tenant {
		return nil, tasks.Errorf(tasks.CodeNotFound, "There is no such job.")
	}
	return new(*job), nil
}

func (m *memory) Find(ctx context.Context, id string) (*tasks.Job, error) {
	m.mu.Lock()
	tenant := m.tenants[id]
	m.mu.Unlock()
	return m.Job(ctx, tenant, id)
}

func (m *memory) Rerun(ctx context.Context, tenant, id string) (*tasks.Job, bool, error) {
	old, err := m.Job(ctx, tenant, id)
	if err != nil {
		return nil, false, err
	}
	if !old.State.Terminal() {
		return nil, false, tasks.Errorf(tasks.CodeConflict, "The job is %s.", old.State)
	}
	j, replayed, err := m.Submit(ctx, tenant, &tasks.Submission{Agent: old.Agent, IdempotencyKey: "rerun\n" + id, RerunOf: id})
	if err == nil {
		j.RerunOf = id
	}
	return j, replayed, err
}

func (m *memory) List(_ context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	var ids []string
	for id, j := range m.jobs {
		if m.tenants[id] == tenant && (f.Before == "" || id < f.Before) && f.Chooses(j) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	page := &tasks.JobPage{}
	if len(ids) > f.Limit {
		ids, page.Next = ids[:f.Limit], ids[f.Limit-1]
	}
	for _, id := range ids {
		j := *m.jobs[id]
		j.Result = nil
		page.Jobs = append(page.Jobs, &j)
	}
	return page, nil
}

func (m *memory) Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	job, err := m.Job(ctx, tenant, id)
	if err != nil || job.State == tasks.Canceled {
		return job, err
	}
	if job.State.Terminal() {
		return nil, tasks.Errorf(tasks.CodeConflict, "The job has already %s.", job.State)
	}
	m.becomes(id, tasks.Canceled)
	return m.Job(ctx, tenant, id)
}

func (m *memory) Retry(_ context.Context, tenant, id string) (*tasks.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	job, ok := m.jobs[id]
	if !ok || m.tenants[id] != tenant {
		return nil, tasks.Errorf(tasks.CodeNotFound, "There is no such job.")
	}
	if job.State != tasks.Failed && job.State != tasks.Canceled {
		return nil, tasks.Errorf(tasks.CodeConflict, "The job is %s.", job.State)
	}
	m.enter(job, tasks.Queued)
	return new(*job), nil
}

func (m *memory) OnEvent(id string) (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	m.wakes[wake] = id
	return wake, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.wakes, wake)
	}
}

func (m *memory) AwaitEnd(ctx context.Context, id string) error {
	wake, leave := m.OnEvent(id)
	defer leave()
	for {
		m.mu.Lock()
		ended, lost := m.jobs[id].State.Terminal(), m.lost
		m.mu.Unlock()
		if ended || lost != nil {
			return lost
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wake:
		}
	}
}

func (m *memory) Since(_ context.Context, id string, after, limit int64) ([]tasks.Event, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	log := m.logs[id]
	events := log[min(after, int64(len(log))):]
	if int64(len(events)) >= limit {
		return events[:limit:limit], false, nil
	}
	over := log[len(log)-1].Type.Terminal()
	if len(events) == 0 && !over && m.lost != nil {
		return nil, false, m.lost
	}
	return slices.Clip(events), over, nil
}

// lose lets every stream and wait fail as soon as it has caught up.
func (m *memory) lose(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = err
	for wake := range m.wakes {
		rouse(wake)
	}
}

func rouse(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// becomes changes the state of a job.
func (m *memory) becomes(id string, state tasks.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.enter(m.jobs[id], state)
}

// tell adds an event that changes no state.
func (m *memory) tell(id string, t tasks.EventType, data string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log(m.jobs[id], t, data)
}

// enter changes the state of job and logs it. It needs the lock.
func (m *memory) enter(job *tasks.Job, state tasks.State) {
	job.State = state
	job.Error, job.EndedAt, job.Waiting = nil, time.Time{}, nil
	if state == tasks.Queued {
		job.Waiting = &tasks.Waiting{Queue: "local.high", Since: time.Now().UTC()}
	}
	if state == tasks.Succeeded {
		job.Result = json.RawMessage(`{"score":82}`)
	}
	if state == tasks.Failed {
		job.Error = tasks.Errorf(tasks.CodeDeadline, "Too late.")
	}
	if state.Terminal() {
		job.EndedAt = time.Now().UTC()
	}
	m.log(job, tasks.EventOf(state), "")
}

// log adds an event to a job's log. It needs the lock.
func (m *memory) log(job *tasks.Job, t tasks.EventType, data string) {
	job.Sequence++
	event := tasks.Event{Sequence: job.Sequence, Type: t, JobID: job.ID, At: time.Now().UTC()}
	if data != "" {
		event.Data = json.RawMessage(data)
	}
	m.logs[job.ID] = append(m.logs[job.ID], event)
	for wake, id := range m.wakes {
		if id == job.ID {
			rouse(wake)
		}
	}
}

// submitted returns a queued job of the tenant "default".
func (m *memory) submitted(t *testing.T) *tasks.Job {
	t.Helper()
	job, _, err := m.Submit(t.Context(), "default", &tasks.Submission{Agent: "A02"})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// catalogue lists one complete agent and one bare one.
func catalogue() []AgentDefinition {
	return []AgentDefinition{{
		Agent: tasks.Agent{
			ID: "A02", Version: "9f2c", Complexity: tasks.High, Privacy: tasks.PrivacyAny,
			Title:   map[tasks.Language]string{tasks.Chinese: "商机评分"},
			Summary: map[tasks.Language]string{tasks.English: "Scores."},
			Lanes:   []tasks.Lane{tasks.Local, tasks.Cloud},
			Models:  tasks.Models{Local: []string{"deepseek-r1:32b"}},
			Target:  tasks.Duration(90 * time.Second),
		},
		InputSchema:  json.RawMessage(`{"type":"object"}`),
		OutputSchema: json.RawMessage(`{"type":"object"}`),
	}, {
		Agent:        tasks.Agent{ID: "A09", Complexity: tasks.Low, Privacy: tasks.PrivacyAny},
		InputSchema:  json.RawMessage(`{}`),
		OutputSchema: json.RawMessage(`{}`),
	}}
}
