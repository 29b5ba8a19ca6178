package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/tasks"
)

func TestHealthSaysWhoLacksAnAgent(t *testing.T) {
	has := func(id string, versions map[string]string, faults ...tasks.AgentFault) tasks.Worker {
		return tasks.Worker{ID: id, Agents: versions, AgentFaults: faults}
	}
	here := has(health.ThisProcess, map[string]string{"B01": "v1"})
	broken := tasks.AgentFault{Agent: "B01", Source: "agents/b01_x", Detail: "b01_x/agent.yaml:5: lanes\nb01_x/agent.yaml:6: models", Since: time.Now(), Kept: "v1"}
	for _, c := range []struct {
		name    string
		workers []tasks.Worker
		pushed  map[string]string
		status  api.HealthStatus
		detail  string
		level   Level
	}{
		{"every worker has it", []tasks.Worker{here, has("w1", here.Agents), has("w2", here.Agents)}, nil, api.HealthOK, "", OK},
		{"a worker lacks it", []tasks.Worker{here, has("w1", here.Agents), has("w2", map[string]string{})}, nil, api.HealthDegraded, "missing in w2", Warning},
		{"no worker has it", []tasks.Worker{here, has("w1", map[string]string{})}, nil, api.HealthUnavailable, "no live worker has it", Failed},
		{"a worker does not say", []tasks.Worker{here, has("w1", nil)}, nil, api.HealthOK, "", OK},
		{"versions differ", []tasks.Worker{here, has("w1", map[string]string{"B01": "v2"})}, nil, api.HealthOK, "versions differ", Warning},
		{"pushed, and not in use", []tasks.Worker{here, has("w1", map[string]string{"B01": "v2"})}, map[string]string{"B01": "v2"}, api.HealthOK, "v2 is not in use in this process", Warning},
		{"a broken folder", []tasks.Worker{here, has("w1", here.Agents, broken)}, nil, api.HealthDegraded, "w1 refuses agents/b01_x", Warning},
		{"only a broken folder", []tasks.Worker{has(health.ThisProcess, nil), has("w1", map[string]string{}, broken)}, nil, api.HealthDegraded, "w1 refuses agents/b01_x", Warning},
		{"no worker at all", []tasks.Worker{here}, nil, api.HealthOK, "", OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := health.OfAgents(c.workers, c.pushed)
			if len(found) != 1 || found[0].Versions == nil || found[0].Status != c.status || !strings.Contains(found[0].Detail, c.detail) || (c.detail == "") != (found[0].Detail == "") {
				t.Errorf("got %+v, want %s with %q", found, c.status, c.detail)
			}
			if f := agentFindings(found); len(f) != 1 || f[0].Level != c.level {
				t.Errorf("findings: got %+v, want one %s", f, c.level)
			}
		})
	}
}
