package app

import (
	"encoding/json"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/attempt"
)

// masked counts what would be masked of a job's input on the way to the cloud.
func (s *App) masked(j *tasks.Job, input json.RawMessage) map[string]int {
	agent, ok := s.Agents.Lookup(j.Agent)
	if !ok {
		return nil
	}
	return attempt.MaskCounts(agent, j, input)
}

// namesConfig returns the settings of the pass that lists names before a job is masked.
func namesConfig(c *config.Config) attempt.NamesConfig {
	n := attempt.NamesConfig{Model: c.PrivacyNames, Timeout: c.PrivacyNamesTimeout}
	switch c.PrivacyNames {
	case "off":
		return attempt.NamesConfig{Off: true}
	case "auto":
		n.Model = ""
	}
	return n
}
