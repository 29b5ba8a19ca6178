package cli

import (
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/scorecard"
)

// guards returns what stands before the calls of candidates, in the order in
// which it is asked.
func (s *system) guards() []providers.Guard {
	return []providers.Guard{s.breaker()}
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
