package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// OfProviders sums up which candidates the workers leave alone, and which providers
// they cannot reach, in order of their names.
func OfProviders(workers []tasks.Worker) []api.ProviderHealth {
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
	all = append(all, unreachable(workers)...)
	slices.SortFunc(all, func(a, b api.ProviderHealth) int { return cmp.Compare(a.Candidate, b.Candidate) })
	return all
}

// unreachable sums up which providers do not list their models to the workers that
// are to ask them.
func unreachable(workers []tasks.Worker) []api.ProviderHealth {
	found, reached := map[string]*api.ProviderHealth{}, map[string]bool{}
	for _, w := range workers {
		for _, l := range w.Serves {
			for _, m := range l.Models {
				provider, _, _ := strings.Cut(m, "/")
				reached[provider] = true
			}
		}
		for _, a := range w.Awaits {
			if a.Reason == "" { // of a version that does not say
				continue
			}
			h := found[a.Provider]
			if h == nil {
				h = &api.ProviderHealth{Candidate: a.Provider, Status: api.HealthUnavailable, Reason: a.Reason, Since: a.Since, Detail: probeAdvice(a)}
				found[a.Provider] = h
			}
			h.Workers++
			if a.Since.Before(h.Since) {
				h.Since = a.Since
			}
		}
	}
	all := make([]api.ProviderHealth, 0, len(found))
	for provider, h := range found {
		if reached[provider] {
			h.Status = api.HealthDegraded
		}
		all = append(all, *h)
	}
	return all
}

// probeAdvice says what to do about a provider that does not list its models.
func probeAdvice(a tasks.Awaited) string {
	switch {
	case a.Starting:
		return "it seems to be starting"
	case a.Reason == string(providers.ClassTransport) && a.Lane == tasks.Local && !a.Lost:
		return "it was never there; if it should be, start it on the worker's machine, or correct its address"
	case a.Reason == string(providers.ClassServer):
		return "it answers with an error: look at its log"
	}
	return circuitAdvice(a.Provider, a.Reason)
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
