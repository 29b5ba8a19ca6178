package agents

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/topcentral/spillway/tasks"
)

// The extent of a trial.
const (
	trialBases  = 3   // inputs that are varied field by field, the generated ones included
	trialRandom = 80  // inputs drawn at random
	trialMost   = 400 // inputs in all
	trialFaults = 5   // faults that are reported
)

// trialError is what a trial has found wrong, and with which input.
type trialError struct {
	cause error
	input json.RawMessage
}

func (e *trialError) Error() string {
	const longest = 400
	input := string(e.input)
	if runes := []rune(input); len(runes) > longest {
		input = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%v; with the input %s", e.cause, input)
}

func (e *trialError) Unwrap() error { return e.cause }

// Try fills the prompts and runs the scorecard on inputs that are generated from
// the input schema: the bounds of every field, every field absent, and inputs
// drawn at random, always the same ones, in every language. It reports the
// inputs for which one of them fails.
func (a *Agent) Try() error {
	var errs []error
	seen := map[string]bool{}
	for _, input := range a.trialInputs() {
		for _, lang := range languages {
			err := a.tryOne(input, lang)
			if err == nil || seen[trialKind(err)] {
				continue
			}
			seen[trialKind(err)] = true
			errs = append(errs, &trialError{err, input})
			if len(errs) == trialFaults {
				return errors.Join(errs...)
			}
		}
	}
	return errors.Join(errs...)
}

// trialKind is the same for a fault at one place, whatever the values.
func trialKind(err error) string {
	if at, ok := errors.AsType[*fileError](err); ok && at.line > 0 {
		return fmt.Sprintf("%s:%d", at.file, at.line)
	}
	if at, ok := errors.AsType[*answerError](err); ok {
		return at.pointer
	}
	return err.Error()
}

func (a *Agent) tryOne(input json.RawMessage, lang tasks.Language) error {
	if err := a.checkPrompts(input, lang); err != nil {
		return fmt.Errorf("%s: %w", lang, err)
	}
	if !a.HasScorecard() {
		return nil
	}
	if _, _, err := a.score(input, lang); err != nil {
		return fmt.Errorf("%s: %w", lang, err)
	}
	return nil
}

// trialInputs returns inputs that the input schema takes.
func (a *Agent) trialInputs() []json.RawMessage {
	g := newGenerator(a.examples)
	bases := []any{g.value(a.input.compiled, lowest, ""), g.value(a.input.compiled, highest, "")}
	for _, e := range a.examples[:min(len(a.examples), trialBases-len(bases))] {
		if v, err := decode(e.body.Input); err == nil {
			bases = append(bases, v)
		}
	}
	var all []json.RawMessage
	add := func(v any) {
		input, err := json.Marshal(v)
		if err == nil && len(all) < trialMost && len(a.CheckInput(input)) == 0 {
			all = append(all, input)
		}
	}
	for range trialRandom {
		add(g.value(a.input.compiled, anything, ""))
	}
	for _, base := range bases {
		add(base)
	}
	for _, base := range bases {
		if fields, ok := base.(map[string]any); ok {
			for _, v := range g.variations(a.input.compiled, fields) {
				add(v)
			}
		}
	}
	return all
}

// newGenerator returns a generator that also knows the texts of examples, for
// fields whose form cannot be made up. It is deterministic.
func newGenerator(examples []example) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(1, 2)), known: map[string][]any{}}
	for _, e := range examples {
		if v, err := decode(e.body.Input); err == nil {
			g.learn("", v)
		}
	}
	return g
}

// learn keeps the texts of an example by their path, in which * matches any
// element of a list.
func (g *generator) learn(at string, v any) {
	switch v := v.(type) {
	case string:
		g.known[at] = append(g.known[at], v)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			g.learn(at+"/"+name, v[name])
		}
	case []any:
		for _, item := range v {
			g.learn(at+"/*", item)
		}
	}
}
