package providers

import (
	"context"
	"sync"
)

// WithSlots returns p with at most n calls at once per model; further calls
// wait their turn, first come, first served, or fail with ClassCanceled when
// their context ends first. An n below 1 counts as 1.
func WithSlots(p Provider, n int) Provider {
	return &slotted{Provider: p, n: max(n, 1), slots: make(map[string]chan struct{})}
}

type slotted struct {
	Provider
	n int

	mu    sync.Mutex
	slots map[string]chan struct{} // by model; a token in the channel is a call under way
}

func (s *slotted) Generate(ctx context.Context, req *Request, onDelta func(Delta)) (*Response, error) {
	if ctx.Err() != nil {
		return nil, Canceled(ctx)
	}
	slot := s.of(req.Model)
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, Canceled(ctx)
	}
	defer func() { <-slot }()
	return s.Provider.Generate(ctx, req, onDelta)
}

func (s *slotted) of(model string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, ok := s.slots[model]
	if !ok {
		slot = make(chan struct{}, s.n)
		s.slots[model] = slot
	}
	return slot
}
