package doctor

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/agents"
)

// agentFindings are what agentHealth finds, for operators at a terminal.
func agentFindings(health []api.AgentHealth) []Finding {
	var findings []Finding
	for _, h := range health {
		f := Finding{Check: "agent " + h.ID}
		do := "\"spillway agents test DIR\" shows every fault of a folder"
		switch {
		case h.Detail == "":
		case h.Status == api.HealthUnavailable:
			findings = append(findings, f.fail(h.Detail, do))
		default:
			findings = append(findings, f.warn(h.Detail, do))
		}
	}
	if len(findings) == 0 && len(health) > 0 {
		return []Finding{Finding{Check: "agents of workers"}.ok(fmt.Sprintf("every live worker has all %d", len(health)))}
	}
	return findings
}

// examineAgents loads the agents.
func examineAgents(cfg config.Config, log *slog.Logger) ([]*agents.Agent, Finding) {
	f := Finding{Check: "agents"}
	catalogue, err := agents.Open(cfg.AgentsDir, log)
	if err != nil {
		return nil, f.fail(err.Error(), "correct SPILLWAY_AGENTS_DIR, or its permissions")
	}
	if faults := catalogue.Faults(); len(faults) > 0 {
		details := make([]string, len(faults))
		for i, fault := range faults {
			details[i] = fault.Detail
		}
		return catalogue.All(), f.fail(strings.Join(details, "\n"), "correct it; \"spillway agents test DIR\" checks an agent's folder")
	}
	return catalogue.All(), f.ok(fmt.Sprintf("%d can be loaded", len(catalogue.All())))
}
