package cli

import (
	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// shownAgents is the catalogue as the API shows it.
type shownAgents struct{ catalogue *agents.Catalogue }

// All lists the agents in order of their IDs.
func (s shownAgents) All() []tasks.Agent {
	var all []tasks.Agent
	for _, a := range s.catalogue.All() {
		all = append(all, a.Agent)
	}
	return all
}

// Lookup returns the agent of that ID with its schemas.
func (s shownAgents) Lookup(id string) (api.AgentDefinition, bool) {
	a, ok := s.catalogue.Lookup(id)
	if !ok {
		return api.AgentDefinition{}, false
	}
	return api.AgentDefinition{Agent: a.Agent, InputSchema: a.InputSchema(), OutputSchema: a.OutputSchema()}, true
}
