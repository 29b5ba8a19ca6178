package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/scorecard"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/worker"
	"github.com/topcentral/spillway/worker/attempt"
	"github.com/topcentral/spillway/worker/fleet"
	"github.com/topcentral/spillway/worker/host"
)

// fleet makes the providers that the settings name: Ollama and other servers
// beside the worker, each cloud that has a key, and the scorecards.
func (s *system) fleet() (*fleet.Fleet, error) {
	clients := newModelClients(s.cfg.LocalProxy)
	s.cleanup.add("provider connections", clients.closeIdle)

	local := ollama.Config{BaseURL: s.cfg.OllamaURL, NumCtx: s.cfg.OllamaNumCtx}
	if err := local.Validate(); err != nil {
		return nil, fmt.Errorf("SPILLWAY_OLLAMA_…: %w", err)
	}
	cfg := fleet.Config{
		Local:     []providers.Provider{providers.WithSlots(s.limited(ollama.New(local, clients.local), s.cfg.LocalTimeout), s.cfg.LocalSlots)},
		Scorecard: scorecard.New(s.score),
		StandIn:   s.cfg.OllamaStandIn,
		Order:     agents.CloudOrder(s.cfg.CloudOrder),
		Prefer:    map[string]string{},
		Bounds:    s.cfg.bounds(),
	}
	for _, k := range s.cfg.Servers {
		p, err := k.preset.New(k.key, clients.local, presets.Overrides{NumCtx: s.cfg.OllamaNumCtx})
		if err != nil {
			return nil, err
		}
		slots := cmp.Or(k.preset.Slots, s.cfg.LocalSlots)
		cfg.Local = append(cfg.Local, providers.WithSlots(s.limited(p, s.cfg.LocalTimeout), slots))
		cfg.Prefer[p.Name()] = k.preset.Model
	}
	for _, k := range s.cfg.Clouds {
		p, err := k.preset.New(k.key, clients.cloud, presets.Overrides{BaseURL: k.baseURL, Model: k.model})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cloudEnv(k.preset, "…"), err)
		}
		cfg.Cloud = append(cfg.Cloud, fleet.CloudProvider{
			Provider: s.limited(p, s.cfg.CloudTimeout), Model: k.preset.Resolve(k.model), Tariff: k.preset.Tariff,
		})
	}
	return fleet.New(cfg, s.agents, s.log), nil
}

// longestStall is how long a model that has begun may fall silent.
const longestStall = 20 * time.Second

// limited bounds a provider's calls: by the time that one may take in all, and
// by silence. The first piece of the answer must come within three quarters of
// that time, since a model may have to be loaded first; each one after it within
// longestStall, or half the time if that is less.
func (s *system) limited(p providers.Provider, total time.Duration) providers.Provider {
	return providers.WithTimeout(providers.WithStallTimeout(p, total*3/4, min(longestStall, total/2)), total)
}

var errNoScorecard = errors.New("the agent has no scorecard")

// score fills an agent's scorecard.
func (s *system) score(agent string, input json.RawMessage, language string) (json.RawMessage, error) {
	a, ok := s.agents.Lookup(agent)
	if !ok || !a.HasScorecard() {
		return nil, errNoScorecard
	}
	return a.Score(input, tasks.Language(language))
}

// worker returns a worker for the lanes.
func (s *system) worker(lanes []tasks.Lane) (*worker.Worker, error) {
	fleet, err := s.fleet()
	if err != nil {
		return nil, err
	}
	cfg := worker.Config{
		Lanes: lanes, LocalSlots: s.cfg.LocalSlots, CloudSlots: s.cfg.CloudSlots, Drain: s.cfg.WorkerDrain,
		Attempts:   attempt.Config{LongestCall: s.cfg.longestCall(), Names: namesConfig(&s.cfg), SendUnexplained: s.cfg.PrivacySendUnexplained},
		HostLimits: host.Limits{CPU: s.cfg.HostCPULimit / 100, Memory: s.cfg.HostMemoryLimit / 100},
	}
	circuits := openCircuits{s.breaker(), s.limits()}
	return worker.New(cfg, worker.Parts{
		Redis: s.queues, Store: s.store, Dispatcher: s.dispatcher, Agents: s.agents,
		Fleet: fleet, Router: providers.NewRouter(s.log, s.guards(circuits)...), Circuits: circuits, MaskKey: s.cfg.PrivacyKey, Log: s.log,
	}), nil
}

// longestCall is how long a call may take on each lane.
func (c config) longestCall() map[tasks.Lane]time.Duration {
	return map[tasks.Lane]time.Duration{tasks.Local: c.LocalTimeout, tasks.Cloud: c.CloudTimeout}
}
