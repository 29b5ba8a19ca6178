package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Rate names one of the rates that are learned of a candidate.
type Rate string

// The rates.
const (
	Prefill    Rate = "prefill"     // prompt tokens read per second
	Decode     Rate = "decode"      // tokens written per second
	Load       Rate = "load"        // seconds until a model that was not in memory is
	FirstToken Rate = "first_token" // seconds until the first token, where prefill is not reported
)

// Rates are what has been measured of one candidate's speed. A rate that was never
// measured is missing.
type Rates map[Rate]Learned

// Length names what is learned of the length of answers: an edit of the agent's
// folder, another prompt of its experiment and another model all write answers
// of another length.
type Length struct {
	Agent, Version string
	Variant        string // "" outside experiments
	Candidate      string // provider/model
}

// lengthsFor is how long lengths are kept that nothing is added to: a model that
// was too slow for an agent because it writes too much is tried again then.
const lengthsFor = 7 * 24 * time.Hour

// Rates returns what is known of every candidate's speed.
func (s *Store) Rates(ctx context.Context) (map[string]Rates, error) {
	h, err := s.rdb.HGetAll(ctx, ratesKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read learned rates: %w", unavailable(err))
	}
	all := map[string]Rates{}
	for field, value := range h {
		rate, candidate, _ := strings.Cut(field, " ")
		if l := readLearned(value); len(l) > 0 {
			if all[candidate] == nil {
				all[candidate] = Rates{}
			}
			all[candidate][Rate(rate)] = l
		}
	}
	return all, nil
}

// Lengths returns what is known of the lengths of answers of one version of an
// agent, in tokens.
func (s *Store) Lengths(ctx context.Context, agent, version string) (map[Length]Learned, error) {
	h, err := s.rdb.HGetAll(ctx, lengthsKey(agent, version)).Result()
	if err != nil {
		return nil, fmt.Errorf("read learned lengths: %w", unavailable(err))
	}
	all := make(map[Length]Learned, len(h))
	for field, value := range h {
		variant, candidate, _ := strings.Cut(field, " ")
		if l := readLearned(value); len(l) > 0 {
			all[Length{Agent: agent, Version: version, Variant: variant, Candidate: candidate}] = l
		}
	}
	return all, nil
}
