package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/genai"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/scorecard"
	"github.com/topcentral/spillway/tasks/dispatch"
)

// guards returns what stands before the calls of candidates, in the order in
// which it is asked.
func (s *system) guards(circuits openCircuits) []providers.Guard {
	return []providers.Guard{circuits.Guard, circuits.limits, s.budgets(), genai.New(s.metrics, scorecard.Name)}
}

// cloud returns the settings of a cloud.
func (c config) cloud(name string) (k cloudKey, ok bool) {
	i := slices.IndexFunc(c.Clouds, func(k cloudKey) bool { return k.preset.Name == name })
	if i < 0 {
		return k, false
	}
	return c.Clouds[i], true
}

// limitOf returns the limits of a model, and with what it shares them: those of the
// clouds, and of whatever else has some set. Without limits the scope is "".
func (c config) limitOf(provider, model string) (scope string, l providers.Limits) {
	k, cloud := c.cloud(provider)
	if !cloud && !slices.Contains(c.Limits.Names(), provider) {
		return "", l
	}
	own := false
	if cloud {
		model = k.preset.Resolve(model)
		l, own = k.preset.LimitsOf(model)
	}
	scope = provider
	if l, own = c.Limits.Apply(provider, model, l, own); own {
		scope += "/" + model
	}
	return scope, l
}

// plannedLimit is limitOf for those who plan.
func (c config) plannedLimit(candidate string) dispatch.Limit {
	provider, model, _ := strings.Cut(candidate, "/")
	scope, l := c.limitOf(provider, model)
	return dispatch.Limit{Account: scope, PerMinute: l.RequestsPerMinute, AtOnce: l.Concurrency}
}

// limits returns the guard that holds the limits of candidates.
func (s *system) limits() *limits.Guard {
	rule := func(c providers.Candidate) (scope string, l providers.Limits) {
		return s.cfg.limitOf(c.Provider.Name(), c.Model)
	}
	return limits.New(s.rdb, limits.Config{Rule: rule, Lease: max(s.cfg.CloudTimeout, s.cfg.LocalTimeout) + leaseSpare}, s.log)
}

// leaseSpare is by how much a call's place outlasts the longest call.
const leaseSpare = 30 * time.Second

// budgets returns the budgets of all that costs money.
func (s *system) budgets() *budget.Guard {
	g := budget.New(s.rdb, budget.Config{
		Budgets: s.cfg.Budgets, Zone: s.cfg.BudgetZone.Location,
		Paid:    func(provider string) bool { _, cloud := s.cfg.cloud(provider); return cloud },
		Longest: max(s.cfg.CloudTimeout, s.cfg.LocalTimeout),
	}, s.log)
	s.cleanup.add("accounts of calls", g.Close)
	return g
}

// breaker returns the circuit breakers of this process. The scorecard has none:
// it is the last resort, and nothing that rests would mend it.
func (s *system) breaker() *breaker.Guard {
	cfg := breaker.DefaultConfig()
	cfg.Failures, cfg.BadOutputs = s.cfg.BreakerFailures, s.cfg.BreakerFailures
	cfg.CoolDown = s.cfg.BreakerCoolDown
	cfg.Exempt = []string{scorecard.Name}
	cfg.Slow = func(c providers.Candidate) time.Duration {
		longest := s.cfg.LocalTimeout
		if slices.ContainsFunc(s.cfg.Clouds, func(k cloudKey) bool { return k.preset.Name == c.Provider.Name() }) {
			longest = s.cfg.CloudTimeout
		}
		return time.Duration(float64(longest) * s.cfg.BreakerSlow)
	}
	return breaker.New(cfg, s.log)
}
