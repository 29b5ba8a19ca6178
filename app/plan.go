package app

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
)

// offPeakAt returns the first time from t on at which none of these providers is
// in its peak hours.
func offPeakAt(names []string, t time.Time) time.Time {
	all := slices.DeleteFunc(presets.Clouds(), func(p presets.Preset) bool { return !slices.Contains(names, p.Name) })
	return presets.OffPeakAt(all, t)
}

// maxCost is the most that one call for a job may cost on a candidate, begun now;
// 0 when its prices are not known.
func (s *App) maxCost(j *tasks.Job, input json.RawMessage, candidate string) tasks.Money {
	name, model, _ := strings.Cut(candidate, "/")
	agent, ok := s.Agents.Lookup(j.Agent)
	preset, known := presets.Lookup(name)
	if !ok || !known {
		return 0
	}
	tariff := preset.Tariff(preset.Resolve(model))
	if tariff == nil {
		return 0
	}
	system, user, err := agent.Prompt(input, j.Language)
	if err != nil {
		return 0
	}
	prompt := providers.EstimateTokens(&providers.Request{Messages: []providers.Message{
		{Role: providers.System, Content: system}, {Role: providers.User, Content: user},
	}, Schema: agent.OutputSchema()})
	return tariff.Most(prompt, agent.OutputLimit+preset.ThinkingTokens(model), time.Now())
}
