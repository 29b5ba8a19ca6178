package app

import (
	"context"
	"net/http"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/dispatch"
	"github.com/topcentral/spillway/tasks/store"
)

// Shown returns agents as the API shows them, with their schemas.
func Shown(all []*agents.Agent) []api.AgentDefinition {
	definitions := make([]api.AgentDefinition, 0, len(all))
	for _, a := range all {
		definitions = append(definitions, api.AgentDefinition{Agent: a.Agent, InputSchema: a.InputSchema(), OutputSchema: a.OutputSchema()})
	}
	return definitions
}

// handler returns the handler of the HTTP API, whose streams end with life.
func (s *App) handler(life context.Context) (http.Handler, error) {
	guard, err := s.guard(life)
	if err != nil {
		return nil, err
	}
	post, err := s.post()
	if err != nil {
		return nil, err
	}
	return api.New(life, api.Config{MaxBody: s.cfg.APIMaxBody, MaxStreams: s.cfg.APIMaxStreams, Guard: guard, Audit: s.audit, Log: s.log, Metrics: s.metrics, Tracer: s.tracer}, api.Deps{
		Jobs:   jobs{s.dispatcher, s.Store},
		Events: s.Store, Webhooks: post,
		Agents: func() []api.AgentDefinition { return Shown(s.Agents.All()) },
		Health: s.reporter().Report,
	})
}

// jobs is what the API does with jobs: the dispatcher makes and shows them, the
// store lists and cancels them.
type jobs struct {
	*dispatch.Dispatcher
	store *store.Store
}

// List returns a page of a tenant's jobs.
func (j jobs) List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error) {
	return j.store.List(ctx, tenant, f)
}

// Cancel ends a tenant's job.
func (j jobs) Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	return j.store.Cancel(ctx, tenant, id)
}
