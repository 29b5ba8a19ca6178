package mockllm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// All denotes every provider.
const All = "all"

// Set replaces the behavior of a provider, or of All, and restarts its script. A
// fault or a shape that a provider's API does not have is an error; for All it is
// ignored.
func (s *Server) Set(provider string, b Behavior) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if provider != All && s.services[provider] == nil {
		return fmt.Errorf("unknown provider %q: want %s or one of %s", provider, All, strings.Join(Providers(), ", "))
	}
	for name, svc := range s.services {
		if provider != All && provider != name {
			continue
		}
		own := b
		if provider == All {
			own.Faults = maps.Clone(b.Faults)
			maps.DeleteFunc(own.Faults, func(f Fault, _ float64) bool { return !Speaks(name, f) })
			if _, ok := shapeOf(name, b.Shape); !ok {
				own.Shape = ""
			}
			own.Script = slices.DeleteFunc(slices.Clone(b.Script), func(f Fault) bool { return !Speaks(name, f) })
		} else if err := b.speakable(name); err != nil {
			return err
		}
		svc.set(own)
	}
	return nil
}

// speakable reports the faults and the shape that a provider's API does not
// have.
func (b Behavior) speakable(provider string) error {
	var problems []error
	for _, f := range append(slices.Sorted(maps.Keys(b.Faults)), b.Script...) {
		if !Speaks(provider, f) {
			problems = append(problems, fmt.Errorf("%s does not have the fault %s", provider, f))
		}
	}
	if _, ok := shapeOf(provider, b.Shape); b.Shape != "" && !ok {
		problems = append(problems, fmt.Errorf("%s does not have the shape %s", provider, b.Shape))
	}
	return errors.Join(problems...)
}

// Speaks reports whether a fault happens at a provider: whether its API has
// words for it.
func Speaks(provider string, f Fault) bool {
	if !f.isRefusal() {
		return true
	}
	table := cozeErrors
	switch provider {
	case Ollama:
		table = ollamaErrors
	case Coze:
	default:
		table = variants()[provider].errors
	}
	_, ok := table[f]
	return ok
}

func (svc *service) set(b Behavior) {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	svc.behavior, svc.scripted = b, 0
}

// Behavior returns the current behavior of a provider, the zero value for an
// unknown one.
func (s *Server) Behavior(provider string) Behavior {
	svc := s.services[provider]
	if svc == nil {
		return Behavior{}
	}
	svc.mu.Lock()
	defer svc.mu.Unlock()
	return svc.behavior
}

// Stats returns the statistics since the start, or the last reset.
func (s *Server) Stats() Stats {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	st := Stats{Calls: []Count{}, Recent: slices.Clone(s.calls.recent)}
	for _, c := range s.calls.counts {
		st.Calls = append(st.Calls, *c)
	}
	slices.SortFunc(st.Calls, func(a, b Count) int {
		return strings.Compare(a.Provider+"\x00"+a.Model+"\x00"+a.Outcome, b.Provider+"\x00"+b.Model+"\x00"+b.Outcome)
	})
	return st
}

// Reset restores the initial state: behaviors, statistics, denied values, clocks
// and random choices.
func (s *Server) Reset() {
	for _, svc := range s.services {
		svc.set(Behavior{})
		svc.mu.Lock()
		svc.calls, svc.loaded, svc.window.past = 0, nil, nil
		svc.mu.Unlock()
	}
	s.calls.reset()
	s.SetNow(time.Time{})
	s.Deny()
	s.tripwire.mu.Lock()
	s.tripwire.trips, s.tripwire.count = nil, 0
	s.tripwire.mu.Unlock()
}
