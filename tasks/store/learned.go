package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// Learned holds the last measurements of one thing, in ascending order: seconds,
// tokens per second, or tokens. They are kept as they were seen, and no
// distribution is fitted to them, so that no estimate exceeds what has happened
// because one measurement was far off.
type Learned []float64

// kept is how many measurements of one thing are kept.
const kept = 32

// LearnedKey names what is learned of an agent on a lane: how many seconds its
// jobs run there.
type LearnedKey struct {
	Agent string
	Lane  tasks.Lane
}

func (k LearnedKey) field() string { return k.Agent + " " + string(k.Lane) }

// Learned returns all that has been learned of how long jobs run.
func (s *Store) Learned(ctx context.Context) (map[LearnedKey]Learned, error) {
	h, err := s.rdb.HGetAll(ctx, learnedKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read learned durations: %w", unavailable(err))
	}
	all := make(map[LearnedKey]Learned, len(h))
	for field, value := range h {
		agent, lane, _ := strings.Cut(field, " ")
		if l := readLearned(value); len(l) > 0 {
			all[LearnedKey{agent, tasks.Lane(lane)}] = l
		}
	}
	return all, nil
}

// readLearned reads a value that learn.lua has written. One of an earlier version,
// "<count> <mean> <variance>" of logarithms, counts as one measurement, and one of
// any other form as none.
func readLearned(value string) Learned {
	list, ok := strings.CutPrefix(value, "last:")
	if !ok {
		var n int
		var mean, variance float64
		if _, err := fmt.Sscan(value, &n, &mean, &variance); err != nil || mean > 700 {
			return nil
		}
		return Learned{math.Exp(mean)}
	}
	var l Learned
	for text := range strings.SplitSeq(list, ",") {
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			l = append(l, x)
		}
	}
	slices.Sort(l)
	return l
}

// Few measurements say little of how far the next one may be off. Until there are
// settled of them, the median counts as seen at these multiples, too.
const settled = 20

var assumedSpread = [3]float64{0.7, 1, 1.4}

// Quantile returns the value that the next measurement does not exceed with
// probability p, in the unit of the measurements; 0 when there are none.
func (l Learned) Quantile(p float64) float64 {
	if len(l) == 0 {
		return 0
	}
	weighted := make([]Weighted, 0, len(l)+len(assumedSpread))
	for _, x := range l {
		weighted = append(weighted, Weighted{x, 1})
	}
	median := l[(len(l)-1)/2]
	for _, times := range assumedSpread {
		weighted = append(weighted, Weighted{median * times, l.Doubt()})
	}
	return Quantile(weighted, p)
}

// Doubt is the weight of an assumption against so many measurements: 1 when
// there are none, 0 from settled of them on.
func (l Learned) Doubt() float64 { return max(0, 1-float64(len(l))/settled) }

// Weighted is a value that counts as much as Weight others.
type Weighted struct{ Value, Weight float64 }

// Quantile returns the least of the values that the share p of all weight does not
// exceed. It sorts them.
func Quantile(values []Weighted, p float64) float64 {
	slices.SortFunc(values, func(a, b Weighted) int {
		switch {
		case a.Value < b.Value:
			return -1
		case a.Value > b.Value:
			return 1
		}
		return 0
	})
	var total, sum float64
	for _, v := range values {
		total += v.Weight
	}
	for _, v := range values {
		if sum += v.Weight; v.Weight > 0 && sum >= p*total*(1-1e-9) {
			return v.Value
		}
	}
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1].Value
}
