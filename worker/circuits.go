package worker

import (
	"context"
	"maps"

	"github.com/topcentral/spillway/tasks"
)

// Circuits are the circuit breakers of a worker's candidates.
type Circuits interface {
	// Open lists the candidates that are left alone now.
	Open() []tasks.Circuit
	// Reset has all models of a provider tried again at once.
	Reset(ctx context.Context, provider string)
}

// lookSoon has the providers asked now which models they have.
func (w *Worker) lookSoon() {
	select {
	case w.doubts <- struct{}{}:
	default:
	}
}

// heedResets closes the circuits of providers that an operator has reset since
// the last call. Those reset before the first call concern earlier failures.
func (w *Worker) heedResets(ctx context.Context) error {
	words, err := w.Store.Resets(ctx)
	if err != nil {
		return err
	}
	if w.resets != nil {
		for provider, word := range words {
			if w.resets[provider] == word {
				continue
			}
			w.Circuits.Reset(ctx, provider)
			w.Fleet.Doubt(provider)
			w.lookSoon()
			w.Log.InfoContext(ctx, "provider was reset by an operator", "provider", provider)
		}
	}
	w.resets = maps.Clone(words)
	return nil
}
