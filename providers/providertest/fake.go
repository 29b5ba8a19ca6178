// Package providertest holds what tests of providers need: a deterministic Fake
// that answers without a network, servers that speak each wire dialect by
// script, and the conformance test that every Provider passes.
package providertest

import (
	"context"
	"slices"
	"sync"

	"github.com/topcentral/spillway/providers"
)

// Behavior is what a Fake does with one request.
type Behavior func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error)

// Fake is a scripted provider that records the requests it receives.
// It is safe for concurrent use.
type Fake struct {
	name   string
	models []string

	mu       sync.Mutex
	behavior Behavior
	asked    []providers.Request
	modelErr error
}

// NewFake returns a Fake of that name that serves models. Until told otherwise
// it answers {}.
func NewFake(name string, models ...string) *Fake {
	return &Fake{name: name, models: models, behavior: Answer("{}")}
}

// Does sets what the Fake does from now on, and returns it.
func (f *Fake) Does(b Behavior) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behavior = b
	return f
}

// SetModels replaces the models it serves; with an err, Models fails with it.
func (f *Fake) SetModels(err error, models ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.models, f.modelErr = models, err
}

// Asked returns the requests so far, oldest first.
func (f *Fake) Asked() []providers.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// Name implements providers.Provider.
func (f *Fake) Name() string { return f.name }

// Models implements providers.Provider.
func (f *Fake) Models(ctx context.Context) ([]providers.Model, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	if f.modelErr != nil {
		return nil, f.modelErr
	}
	models := make([]providers.Model, 0, len(f.models))
	for _, name := range f.models {
		models = append(models, providers.Model{Name: name})
	}
	return models, nil
}

// Generate implements providers.Provider.
func (f *Fake) Generate(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	if ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	f.mu.Lock()
	copied := *req
	copied.Messages = slices.Clone(req.Messages)
	f.asked = append(f.asked, copied)
	behavior := f.behavior
	f.mu.Unlock()
	return behavior(ctx, req, onDelta)
}

// FakeUsage is what every Answer reports.
var FakeUsage = providers.Usage{Input: 100, Output: 20}

// Answer streams text in two pieces and reports FakeUsage.
func Answer(text string) Behavior {
	return func(_ context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		half := len(text) / 2
		onDelta(providers.Delta{Text: text[:half]})
		onDelta(providers.Delta{Text: text[half:]})
		return &providers.Response{Text: text, Usage: FakeUsage}, nil
	}
}

// Truncate answers as a model whose output limit cut it off.
func Truncate(text string) Behavior {
	return func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		resp, err := Answer(text)(ctx, req, onDelta)
		resp.Truncated = true
		return resp, err
	}
}

// Fail fails with err.
func Fail(err error) Behavior {
	return func(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
		return nil, err
	}
}

// FailWith fails with an error of a class.
func FailWith(class providers.Class) Behavior {
	return Fail(providers.Errorf(class, "as told"))
}

// Hang does nothing until the context ends.
func Hang() Behavior {
	return func(ctx context.Context, _ *providers.Request, _ func(providers.Delta)) (*providers.Response, error) {
		<-ctx.Done()
		return nil, providers.Canceled(ctx)
	}
}

// Sequence does each of behaviors once, in order, and the last one ever after.
func Sequence(behaviors ...Behavior) Behavior {
	var mu sync.Mutex
	next := 0
	return func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		mu.Lock()
		b := behaviors[min(next, len(behaviors)-1)]
		next++
		mu.Unlock()
		return b(ctx, req, onDelta)
	}
}
