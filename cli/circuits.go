package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/tasks"
)

// openCircuits shows a process's circuit breakers to its worker, and resets what
// keeps candidates from being asked.
type openCircuits struct {
	*breaker.Guard
	limits *limits.Guard
}

// Reset has all models of a provider tried again at once.
func (o openCircuits) Reset(ctx context.Context, provider string) {
	o.limits.Reset(ctx, provider)
	o.Guard.Reset(provider)
}

// Open lists the candidates that are left alone now.
func (o openCircuits) Open() []tasks.Circuit {
	var open []tasks.Circuit
	for _, s := range o.States() {
		if s.State != breaker.Closed {
			open = append(open, tasks.Circuit{Provider: s.Provider, Model: s.Model, Reason: s.Reason, Since: s.Since.UTC(), RetryAt: s.RetryAt.UTC()})
		}
	}
	return open
}

// providerHealth sums up which candidates the workers leave alone, in order of
// their names.
func providerHealth(workers []tasks.Worker) []api.ProviderHealth {
	reached := map[string]int{} // workers by candidate
	for _, w := range workers {
		for _, l := range w.Serves {
			for _, m := range l.Models {
				reached[m]++
			}
		}
	}
	found := map[string]*api.ProviderHealth{}
	for _, w := range workers {
		for _, c := range w.Circuits {
			candidate := c.Provider + "/" + c.Model
			h := found[candidate]
			if h == nil {
				h = &api.ProviderHealth{Candidate: candidate, Since: c.Since, RetryAt: c.RetryAt, Reason: c.Reason}
				found[candidate] = h
			}
			h.Workers++
			if c.Since.Before(h.Since) {
				h.Since = c.Since
			}
			if c.RetryAt.After(h.RetryAt) {
				h.RetryAt, h.Reason = c.RetryAt, c.Reason
			}
		}
	}
	all := []api.ProviderHealth{}
	for candidate, h := range found {
		h.Status = api.HealthDegraded
		if h.Workers >= reached[candidate] {
			h.Status = api.HealthUnavailable
		}
		h.Detail = circuitAdvice(candidate, h.Reason)
		all = append(all, *h)
	}
	slices.SortFunc(all, func(a, b api.ProviderHealth) int { return cmp.Compare(a.Candidate, b.Candidate) })
	return all
}

// circuitAdvice says what to do about a candidate that fails for a reason.
func circuitAdvice(candidate, reason string) string {
	provider, _, _ := strings.Cut(candidate, "/")
	switch reason {
	case string(providers.ClassAuthDead):
		return fmt.Sprintf("its key is refused: correct it, then run \"spillway providers reset %s\"", provider)
	case string(providers.ClassQuotaDead):
		return fmt.Sprintf("its account has no money or no quota left: top it up, then run \"spillway providers reset %s\"", provider)
	case string(providers.ClassTransport):
		return "it cannot be reached from the workers: see whether it runs, and the network between"
	case string(providers.ClassRateLimited), string(providers.ClassOverloaded):
		return "it asked for a pause; SPILLWAY_LIMITS keeps calls below its limits"
	}
	return "it fails; the attempts of its jobs have the messages"
}

// needsAPerson reports whether no worker asks a model, for a reason that passes
// only when somebody mends it.
func needsAPerson(h api.ProviderHealth) bool {
	return h.Status == api.HealthUnavailable && providers.Class(h.Reason).Policy().Breaker == providers.OpensAtOnce
}

// isStalled reports whether a lane has workers and cannot answer.
func isStalled(h api.LaneHealth) bool { return h.Workers > 0 && h.Status == api.HealthUnavailable }

// withoutCandidates reports whether a lane's workers leave all their candidates
// alone.
func withoutCandidates(lane tasks.Lane, workers []tasks.Worker) bool {
	candidates := 0
	for _, w := range workers {
		for _, l := range w.Serves {
			if l.Lane != lane {
				continue
			}
			for _, m := range l.Models {
				candidates++
				if !slices.ContainsFunc(w.Circuits, func(c tasks.Circuit) bool { return c.Provider+"/"+c.Model == m }) {
					return false
				}
			}
		}
	}
	return candidates > 0
}

// circuitFindings judges the candidates that are left alone.
func circuitFindings(workers []tasks.Worker, now time.Time) []finding {
	var findings []finding
	for _, h := range providerHealth(workers) {
		f := finding{check: "provider " + h.Candidate}
		what := fmt.Sprintf("%s leave it alone after %s, for %s so far", number(h.Workers, "worker"), h.Reason, providers.Span(now.Sub(h.Since)))
		if h.Status == api.HealthUnavailable {
			findings = append(findings, f.fail(what, h.Detail))
			continue
		}
		findings = append(findings, f.warn(what, h.Detail))
	}
	return findings
}
