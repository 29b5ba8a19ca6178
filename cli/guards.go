package cli

import (
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/genai"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/scorecard"
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

// limits returns the limits of the clouds, and of whatever else has some set.
func (s *system) limits() *limits.Guard {
	named := s.cfg.Limits.Names()
	rule := func(c providers.Candidate) (scope string, l providers.Limits) {
		name, model := c.Provider.Name(), c.Model
		k, cloud := s.cfg.cloud(name)
		if !cloud && !slices.Contains(named, name) {
			return "", l
		}
		own := false
		if cloud {
			model = k.preset.Resolve(model)
			l, own = k.preset.LimitsOf(model)
		}
		if l, own = s.cfg.Limits.Apply(name, model, l, own); own {
			name += "/" + model
		}
		return name, l
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
