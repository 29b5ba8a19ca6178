package app

import (
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/genai"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/scorecard"
	"github.com/topcentral/spillway/tasks/dispatch"
)

// guards returns the guards of calls to candidates, in the order in which they
// are asked.
func (s *App) guards(circuits openCircuits) []providers.Guard {
	return []providers.Guard{circuits.Guard, circuits.limits, s.budgets(), genai.New(s.metrics, s.tracer, scorecard.Name)}
}

// plannedLimit returns the limit of a candidate, for dispatch plans.
func (s *App) plannedLimit(candidate string) dispatch.Limit {
	provider, model, _ := strings.Cut(candidate, "/")
	scope, l := s.cfg.LimitOf(provider, model)
	return dispatch.Limit{Account: scope, PerMinute: l.RequestsPerMinute, AtOnce: l.Concurrency}
}

// limits returns the guard that holds the limits of candidates.
func (s *App) limits() *limits.Guard {
	rule := func(c providers.Candidate) (scope string, l providers.Limits) {
		return s.cfg.LimitOf(c.Provider.Name(), c.Model)
	}
	return limits.New(s.rdb, limits.Config{Rule: rule, Lease: max(s.cfg.CloudTimeout, s.cfg.LocalTimeout) + leaseSpare}, s.log)
}

// leaseSpare is by how much a call's place outlasts the longest call.
const leaseSpare = 30 * time.Second

// budgets returns the budgets of all that costs money.
func (s *App) budgets() *budget.Guard {
	g := budget.New(s.rdb, budget.Config{
		Budgets: s.cfg.Budgets, Zone: s.cfg.BudgetZone.Location,
		Paid:    func(provider string) bool { _, cloud := s.cfg.Cloud(provider); return cloud },
		Longest: max(s.cfg.CloudTimeout, s.cfg.LocalTimeout),
	}, s.log)
	s.cleanup.add("accounts of calls", g.Close)
	return g
}

// breaker returns the circuit breakers of this process. The scorecard has none:
// it is the last resort, and nothing that rests would mend it.
func (s *App) breaker() *breaker.Guard {
	cfg := breaker.DefaultConfig()
	cfg.Failures, cfg.BadOutputs = s.cfg.BreakerFailures, s.cfg.BreakerFailures
	cfg.CoolDown = s.cfg.BreakerCoolDown
	cfg.Exempt = []string{scorecard.Name}
	cfg.Slow = func(c providers.Candidate) time.Duration {
		longest := s.cfg.LocalTimeout
		if slices.ContainsFunc(s.cfg.Clouds, func(k config.Service) bool { return k.Preset.Name == c.Provider.Name() }) {
			longest = s.cfg.CloudTimeout
		}
		return time.Duration(float64(longest) * s.cfg.BreakerSlow)
	}
	return breaker.New(cfg, s.log)
}
