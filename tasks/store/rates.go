package store

import (
	"context"
	"fmt"
	"math"
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
	FirstToken Rate = "first_token" // seconds until the first token, where prefill is not told
)

// Rates are what has been measured of one candidate's speed: mean and variance
// of the logarithms. A rate that was never measured is missing.
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
		return nil, fmt.Errorf("read learned rates: %w", away(err))
	}
	all := map[string]Rates{}
	for field, value := range h {
		rate, candidate, _ := strings.Cut(field, " ")
		if l, ok := readLearned(value); ok {
			if all[candidate] == nil {
				all[candidate] = Rates{}
			}
			all[candidate][Rate(rate)] = l
		}
	}
	return all, nil
}

// Lengths returns what is known of the lengths of answers of one version of an
// agent, the logarithms of tokens.
func (s *Store) Lengths(ctx context.Context, agent, version string) (map[Length]Learned, error) {
	h, err := s.rdb.HGetAll(ctx, lengthsKey(agent, version)).Result()
	if err != nil {
		return nil, fmt.Errorf("read learned lengths: %w", away(err))
	}
	all := make(map[Length]Learned, len(h))
	for field, value := range h {
		variant, candidate, _ := strings.Cut(field, " ")
		if l, ok := readLearned(value); ok {
			all[Length{Agent: agent, Version: version, Variant: variant, Candidate: candidate}] = l
		}
	}
	return all, nil
}

func readLearned(value string) (l Learned, ok bool) {
	_, err := fmt.Sscan(value, &l.Count, &l.Mean, &l.Variance)
	return l, err == nil
}

// The spread that a quantile assumes before there are measurements to tell it,
// and how many of them that is worth.
const (
	priorSpread = 0.3
	priorWorth  = 3
)

// Quantile returns the value that the next measurement does not exceed with
// probability p, in the unit of the measurements; 0 when there are none. The
// fewer there are, the wider is the spread that is assumed around their mean.
func (l Learned) Quantile(p float64) float64 {
	if l.Count == 0 {
		return 0
	}
	n := float64(min(l.Count, 20)) // what is learned forgets what is older
	variance := (n*l.Variance + priorWorth*priorSpread*priorSpread) / (n + priorWorth) * (1 + 1/n)
	return math.Exp(l.Mean + math.Sqrt2*math.Erfinv(2*p-1)*math.Sqrt(variance))
}
