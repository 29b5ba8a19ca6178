package worker

import (
	"context"
	"maps"
)

// applyResets closes the circuits of providers that an operator has reset since
// the last call. Those reset before the first call concern earlier failures.
func (w *Worker) applyResets(ctx context.Context) error {
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
			w.Fleet.Suspect(provider)
			w.probeSoon()
			w.Log.InfoContext(ctx, "provider was reset by an operator", "provider", provider)
		}
	}
	w.resets = maps.Clone(words)
	return nil
}
