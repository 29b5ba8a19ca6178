package store

import (
	"context"
	"fmt"

	"github.com/topcentral/spillway/tasks"
)

// Learned is what has been measured of how long an agent's jobs run on a lane:
// mean and variance of the natural logarithm of seconds, over the last twenty
// or so.
type Learned struct {
	Count    int
	Mean     float64
	Variance float64
}

// LearnedKey names what is learned of an agent on a lane.
type LearnedKey struct {
	Agent string
	Lane  tasks.Lane
}

func (k LearnedKey) field() string { return k.Agent + " " + string(k.Lane) }

// Learned returns all that has been learned.
func (s *Store) Learned(ctx context.Context) (map[LearnedKey]Learned, error) {
	h, err := s.rdb.HGetAll(ctx, learnedKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read learned durations: %w", away(err))
	}
	all := make(map[LearnedKey]Learned, len(h))
	for field, value := range h {
		var k LearnedKey
		var l Learned
		if _, err := fmt.Sscan(field, &k.Agent, &k.Lane); err != nil {
			continue // of a form we do not know
		}
		if _, err := fmt.Sscan(value, &l.Count, &l.Mean, &l.Variance); err == nil {
			all[k] = l
		}
	}
	return all, nil
}
