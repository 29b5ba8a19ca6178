package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/modelclient"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/egress"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/scorecard"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/worker/fleet"
)

// fleet makes the providers that the settings name: Ollama and other servers
// in addition to the worker, each cloud that has a key, and the scorecards.
func (s *App) fleet() (*fleet.Fleet, error) {
	clients := modelclient.New(s.cfg.LocalProxy)
	s.cleanup.add("provider connections", clients.CloseIdle)
	if s.cfg.EgressLedger {
		clients.Cloud.Transport = egress.Transport(clients.Cloud.Transport, egress.NewLedger(s.rdb).Append)
	}

	local := ollama.Config{BaseURL: s.cfg.OllamaURL, NumCtx: s.cfg.OllamaNumCtx}
	if err := local.Validate(); err != nil {
		return nil, fmt.Errorf("SPILLWAY_OLLAMA_…: %w", err)
	}
	cfg := fleet.Config{
		Local:     []providers.Provider{providers.WithSlots(s.limited(ollama.New(local, clients.Local), s.cfg.LocalTimeout), s.cfg.LocalSlots)},
		Scorecard: scorecard.New(s.score),
		StandIn:   s.cfg.OllamaStandIn,
		Order:     agents.CloudOrder(s.cfg.CloudOrder),
		Usual:     ollama.DefaultName,
		Prefer:    map[string]string{},
		Bounds:    s.cfg.Bounds(),
	}
	for _, k := range s.cfg.Servers {
		p, err := k.Preset.New(k.Key, clients.Local, presets.Overrides{NumCtx: s.cfg.OllamaNumCtx})
		if err != nil {
			return nil, err
		}
		slots := cmp.Or(k.Preset.Slots, s.cfg.LocalSlots)
		cfg.Local = append(cfg.Local, providers.WithSlots(s.limited(p, s.cfg.LocalTimeout), slots))
		cfg.Prefer[p.Name()] = k.Preset.Model
	}
	for _, k := range s.cfg.Clouds {
		p, err := k.Preset.New(k.Key, clients.Cloud, presets.Overrides{BaseURL: k.BaseURL, Model: k.Model})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", config.ServiceEnv(k.Preset, "…"), err)
		}
		cfg.Cloud = append(cfg.Cloud, fleet.CloudProvider{
			Provider: s.limited(p, s.cfg.CloudTimeout), Model: k.Preset.Resolve(k.Model), Tariff: k.Preset.Tariff,
		})
	}
	return fleet.New(cfg, s.Agents, s.log), nil
}

// longestStall is how long a model that has begun may fall silent.
const longestStall = 20 * time.Second

// limited bounds a provider's calls: by the time that one may take in all, and
// by silence. The first piece of the answer must come within three quarters of
// that time, since a model may have to be loaded first; each one after it within
// longestStall, or half the time if that is less.
func (s *App) limited(p providers.Provider, total time.Duration) providers.Provider {
	return providers.WithTimeout(providers.WithStallTimeout(p, total*3/4, min(longestStall, total/2)), total)
}

var errNoScorecard = errors.New("the agent has no scorecard")

// score fills an agent's scorecard.
func (s *App) score(agent string, input json.RawMessage, language string) (json.RawMessage, error) {
	a, ok := s.Agents.Lookup(agent)
	if !ok || !a.HasScorecard() {
		return nil, errNoScorecard
	}
	return a.Score(input, tasks.Language(language))
}
