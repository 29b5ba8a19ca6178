package worker

import (
	"context"
	"maps"
)

// readResets notes which resets there were before this worker: they concern earlier
// failures. If they cannot be read, all that Redis keeps are applied later; one too
// many costs a probe, one too few an operator's trust.
func (w *Worker) readResets(ctx context.Context) {
	var err error
	if w.resets, err = w.Store.Resets(ctx); err != nil {
		w.Log.WarnContext(ctx, "resets of providers could not be read at the start; those of the last hour will be applied", "error", err)
	}
}

// applyResets closes the circuits of providers that an operator has reset since
// the last call, or since readResets.
func (w *Worker) applyResets(ctx context.Context) error {
	words, err := w.Store.Resets(ctx)
	if err != nil {
		return err
	}
	for provider, word := range words {
		if w.resets[provider] == word {
			continue
		}
		w.Circuits.Reset(ctx, provider)
		w.Fleet.Suspect(provider)
		w.Log.InfoContext(ctx, "provider was reset by an operator", "provider", provider)
	}
	w.resets = maps.Clone(words)
	return nil
}
