package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Samples collects measurements of jobs, until Learn writes them: that of
// many jobs costs little more than that of one. The zero value is ready. It is
// not safe for concurrent use.
type Samples struct {
	durations []any                        // field of learnedKey, seconds; and so on
	rates     []any                        // field of ratesKey, the rate; and so on
	lengths   map[version][]any            // field of lengthsKey, tokens; and so on
	tallies   map[version]map[string]int64 // what is to be added to the fields of a tally
}

// version is one version of an agent.
type version struct{ agent, version string }

// Empty reports whether there is nothing to learn.
func (l *Samples) Empty() bool {
	return len(l.durations)+len(l.rates)+len(l.lengths)+len(l.tallies) == 0
}

// Duration adds how long one job took that a model has answered.
func (l *Samples) Duration(k LearnedKey, took time.Duration) {
	l.durations = append(l.durations, k.field(), number(max(took.Seconds(), 0.001)))
}

// Rates adds what one call has shown of a candidate's speed. Rates that are not
// above zero are passed over.
func (l *Samples) Rates(candidate string, measured map[Rate]float64) {
	for rate, x := range measured {
		if x > 0 {
			l.rates = append(l.rates, string(rate)+" "+candidate, number(x))
		}
	}
}

// Length adds the length of one answer, in tokens with the thinking included.
func (l *Samples) Length(of Length, tokens int) {
	if tokens <= 0 {
		return
	}
	if l.lengths == nil {
		l.lengths = map[version][]any{}
	}
	v := version{of.Agent, of.Version}
	l.lengths[v] = append(l.lengths[v], of.Variant+" "+of.Candidate, tokens)
}

// Count adds one attempt at a job to the tally of its variant.
func (l *Samples) Count(j *tasks.Job, t Tallied) {
	if l.tallies == nil {
		l.tallies = map[version]map[string]int64{}
	}
	v := version{j.Agent, j.AgentVersion}
	if l.tallies[v] == nil {
		l.tallies[v] = map[string]int64{}
	}
	for figure, n := range t.figures() {
		l.tallies[v][j.Variant+" "+figure] += n
	}
}

// number writes a measurement in four digits.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

// Learn takes lessons into what is known. They are statistics: some may be lost
// with Redis, or be taken in twice when an answer of it was.
func (s *Store) Learn(ctx context.Context, l *Samples) error {
	if err := s.learn(ctx, learnedKey, 0, l.durations); err != nil {
		return err
	}
	if err := s.learn(ctx, ratesKey, 0, l.rates); err != nil {
		return err
	}
	for of, measured := range l.lengths {
		if err := s.learn(ctx, lengthsKey(of.agent, of.version), lengthsFor, measured); err != nil {
			return err
		}
	}
	return s.count(ctx, l.tallies)
}

func (s *Store) learn(ctx context.Context, key string, keep time.Duration, measured []any) error {
	if len(measured) == 0 {
		return nil
	}
	args := append([]any{keep.Milliseconds(), kept}, measured...)
	if err := learnScript.Run(ctx, s.rdb, []string{key}, args...).Err(); err != nil {
		return fmt.Errorf("learn: %w", unavailable(err))
	}
	return nil
}

// count adds to the tallies of versions.
func (s *Store) count(ctx context.Context, tallies map[version]map[string]int64) error {
	if len(tallies) == 0 {
		return nil
	}
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for of, figures := range tallies {
			key, versions := experimentKey(of.agent, of.version), versionsKey(of.agent)
			for field, n := range figures {
				if n != 0 {
					p.HIncrBy(ctx, key, field, n)
				}
			}
			p.PExpire(ctx, key, tallyFor)
			p.ZAdd(ctx, versions, redis.Z{Score: float64(time.Now().UnixMilli()), Member: of.version})
			p.ZRemRangeByRank(ctx, versions, 0, -tallyVersions-1)
			p.PExpire(ctx, versions, tallyFor)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count outcomes: %w", unavailable(err))
	}
	return nil
}
