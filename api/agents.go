package api

import (
	"context"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// ListAgents shows every agent.
func (s *server) ListAgents(context.Context, spec.ListAgentsRequestObject) (spec.ListAgentsResponseObject, error) {
	list := spec.ListAgents200JSONResponse{Agents: []tasks.Agent{}}
	for _, a := range s.agents() {
		list.Agents = append(list.Agents, shownAgent(a.Agent))
	}
	return list, nil
}

// GetAgent shows an agent and its schemas.
func (s *server) GetAgent(_ context.Context, request spec.GetAgentRequestObject) (spec.GetAgentResponseObject, error) {
	for _, a := range s.agents() {
		if a.ID == request.ID {
			a.Agent = shownAgent(a.Agent)
			return spec.GetAgent200JSONResponse(a), nil
		}
	}
	return nil, tasks.Errorf(tasks.CodeNotFound, "There is no such agent; GET /agents lists them.")
}

// shownAgent returns the agent as callers see it, with what the contract promises
// even when it is empty.
func shownAgent(a tasks.Agent) tasks.Agent {
	if a.Lanes == nil {
		a.Lanes = []tasks.Lane{}
	}
	if a.Models.Local == nil {
		a.Models.Local = []string{}
	}
	if a.Title == nil {
		a.Title = map[tasks.Language]string{}
	}
	if a.Summary == nil {
		a.Summary = map[tasks.Language]string{}
	}
	return a
}
