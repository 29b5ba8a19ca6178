package mockllm

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Behavior is how a provider behaves. The zero value answers every call at once.
type Behavior struct {
	Latency Latency `json:"latency,omitzero"` // before the first byte

	Prefill float64 `json:"prefill_tokens_per_second,omitempty"` // reading the prompt; 0: takes no time
	Decode  float64 `json:"decode_tokens_per_second,omitempty"`  // writing the answer; 0: takes no time

	Load         Duration `json:"load_time,omitempty"`     // to load a model that is not in memory (Ollama)
	LoadedModels int      `json:"loaded_models,omitempty"` // models in memory at once; 0: one

	Faults     map[Fault]float64 `json:"faults,omitempty"`      // the share of calls with each
	Script     []Fault           `json:"script,omitempty"`      // what happens in the next calls, one by one; then Faults apply
	Shape      string            `json:"shape,omitempty"`       // the form of every answer: one of Shapes
	RetryAfter Duration          `json:"retry_after,omitempty"` // sent with rate_limited and overloaded; rounded up to seconds
	Drip       Duration          `json:"drip,omitempty"`        // between the characters of slow_drip; 0: 1 s

	Limits Limits `json:"limits,omitzero"`

	Window    int  `json:"context_window,omitempty"`    // tokens of the longest prompt; 0: num_ctx for Ollama, unlimited for others
	SilentCut bool `json:"silent_truncation,omitempty"` // a longer prompt is truncated, as its count shows, instead of rejected (Ollama)

	Cached   float64  `json:"cached_share,omitempty"`    // of the prompt's tokens
	Thinking int      `json:"thinking_tokens,omitempty"` // of a reasoning model; 0: 24
	Models   []string `json:"models,omitempty"`          // the only models; empty: those of the service
	Answer   string   `json:"answer,omitempty"`          // instead of one made for the schema
}

// Latency is a distribution of durations: Min plus an exponential one with the
// given Mean, at most Max if that is not 0.
type Latency struct {
	Min  Duration `json:"min,omitempty"`
	Mean Duration `json:"mean,omitempty"`
	Max  Duration `json:"max,omitempty"`
}

// Limits apply to a sliding minute, and Concurrency to calls in flight. A call
// beyond them is rejected as rate_limited, with the time until it is admitted.
type Limits struct {
	Requests    int `json:"requests_per_minute,omitempty"`
	Tokens      int `json:"tokens_per_minute,omitempty"` // of prompts
	Concurrency int `json:"concurrency,omitempty"`
}

// Duration is a time.Duration in Go's format: "250ms", "1m30s".
type Duration time.Duration

// MarshalText writes d.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 250ms", text)
	}
	*d = Duration(v)
	return nil
}

// Validate reports every problem with b at once.
func (b Behavior) Validate() error {
	var problems []error
	sum := 0.0
	for fault, share := range b.Faults {
		if share < 0 || share > 1 || !isFault(fault) {
			problems = append(problems, fmt.Errorf("faults: %s: want a known fault with a share between 0 and 1", fault))
		}
		sum += share
	}
	if sum > 1.000001 {
		problems = append(problems, fmt.Errorf("faults: the shares add up to %v, which is more than 1", sum))
	}
	if b.Shape != "" && !hasShape(b.Shape) {
		problems = append(problems, fmt.Errorf("shape: unknown shape %q", b.Shape))
	}
	if slices.ContainsFunc(b.Script, func(f Fault) bool { return !isFault(f) }) {
		problems = append(problems, errors.New("script: want known faults or \"answer\""))
	}
	for name, v := range map[string]float64{
		"prefill_tokens_per_second": b.Prefill, "decode_tokens_per_second": b.Decode, "loaded_models": float64(b.LoadedModels),
		"context_window": float64(b.Window), "thinking_tokens": float64(b.Thinking), "limits": float64(min(b.Limits.Requests, b.Limits.Tokens, b.Limits.Concurrency)),
	} {
		if v < 0 {
			problems = append(problems, fmt.Errorf("%s: want 0 or more", name))
		}
	}
	if b.Cached < 0 || b.Cached > 1 {
		problems = append(problems, errors.New("cached_share: want a share between 0 and 1"))
	}
	return errors.Join(problems...)
}

func isFault(f Fault) bool { return f == None || slices.Contains(Faults(), f) }

// pick returns the fault and the latency of a call.
func (b *Behavior) pick(r *rand.Rand) (Fault, time.Duration) {
	wait := time.Duration(b.Latency.Min) + time.Duration(r.ExpFloat64()*float64(b.Latency.Mean))
	if b.Latency.Max > 0 {
		wait = min(wait, time.Duration(b.Latency.Max))
	}
	p := r.Float64()
	for _, fault := range Faults() {
		if p -= b.Faults[fault]; p < 0 {
			return fault, wait
		}
	}
	return None, wait
}

// newRand returns a random source that depends on the seed, a name and a number.
func newRand(seed uint64, name string, n uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed^n, h.Sum64()+n))
}

// perSecond returns the time for n tokens at a rate; a rate of 0 is unlimited.
func perSecond(n int, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(n) / rate * float64(time.Second))
}
