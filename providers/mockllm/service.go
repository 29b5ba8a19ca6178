package mockllm

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// service is the state of one provider.
type service struct {
	name string

	mu       sync.Mutex
	behavior Behavior
	calls    uint64   // so far
	scripted int      // steps of the behavior's script that were taken
	loaded   []string // models in memory, the latest used first
	window   window
}

func newService(name string) *service { return &service{name: name} }

// acquire counts a call against the provider's limits, and returns the current
// behavior, or how long to wait.
func (svc *service) acquire(a *ask) (Behavior, time.Duration, bool) {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	wait, ok := svc.window.acquire(svc.behavior.Limits, a.input, time.Now())
	return svc.behavior, wait, ok
}

func (svc *service) release() {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	svc.window.release()
}

// next returns the number of an admitted call, from 0.
func (svc *service) next() uint64 {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	svc.calls++
	return svc.calls - 1
}

// act returns what happens in the nth call: by the script, then at random.
func (svc *service) act(b *Behavior, seed, n uint64) Act {
	fault, wait := b.pick(newRand(seed, svc.name, n))
	svc.mu.Lock()
	defer svc.mu.Unlock()
	if svc.scripted < len(b.Script) {
		fault = b.Script[svc.scripted]
		svc.scripted++
	}
	return Act{Fault: fault, Wait: wait}
}

// load marks a model as the last one used, and returns how long loading it takes.
func (svc *service) load(model string, b *Behavior) time.Duration {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	was := slices.Contains(svc.loaded, model)
	svc.loaded = slices.DeleteFunc(svc.loaded, func(m string) bool { return m == model })
	svc.loaded = slices.Insert(svc.loaded, 0, model)
	svc.loaded = svc.loaded[:min(len(svc.loaded), max(1, b.LoadedModels))]
	if was {
		return 0
	}
	return time.Duration(b.Load)
}

func (svc *service) inMemory() []string {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	return slices.Clone(svc.loaded)
}

// models returns the models of the behavior, or else the usual ones.
func (svc *service) models(usual []string) []string {
	svc.mu.Lock()
	defer svc.mu.Unlock()
	if len(svc.behavior.Models) > 0 {
		return slices.Clone(svc.behavior.Models)
	}
	return usual
}

// outages are the faults in which a service does not list its models either; an
// account without money still may.
var outages = []Fault{Overloaded, AuthDead, ServerError, UpstreamTimeout}

// listed serves a list of models, in the shape of the behavior if there is one. It fails in an outage of every call, and is
// neither counted nor scripted.
func (s *Server) listed(svc *service, d dialect, models func() []string, list func(http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.date(w)
		if svc.name != Ollama && !authorized(r) {
			d.refuse(w, &ask{}, refusal{fault: AuthDead})
			return
		}
		svc.mu.Lock()
		b := svc.behavior
		svc.mu.Unlock()
		for _, f := range Faults() {
			if b.Faults[f] < 1 {
				continue
			}
			if slices.Contains(outages, f) {
				d.refuse(w, &ask{}, refusal{fault: f})
				return
			}
			if f == Refuse {
				panic(http.ErrAbortHandler)
			}
		}
		if shape, ok := shapeOf(svc.name, b.Shape); ok && shape.List != nil {
			_, _ = w.Write([]byte(shape.List(models()...)))
			return
		}
		list(w)
	}
}
