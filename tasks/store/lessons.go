package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Lessons gathers what jobs have taught, until Learn writes it down: that of
// many jobs costs little more than that of one. The zero value is ready. It is
// not safe for concurrent use.
type Lessons struct {
	durations []any             // field of learnedKey, logarithm of seconds; and so on
	rates     []any             // field of ratesKey, logarithm of the rate; and so on
	lengths   map[version][]any // field of lengthsKey, logarithm of tokens; and so on
	tallies   map[version]sums
}

// version is one version of an agent.
type version struct{ agent, version string }

// sums are what is to be added to the fields of a tally.
type sums struct {
	counts map[string]int64
	logs   map[string]float64
}

// Empty reports whether there is nothing to learn.
func (l *Lessons) Empty() bool {
	return len(l.durations)+len(l.rates)+len(l.lengths)+len(l.tallies) == 0
}

// Duration adds how long one job took that a model has answered.
func (l *Lessons) Duration(k LearnedKey, took time.Duration) {
	l.durations = append(l.durations, k.field(), logSeconds(took))
}

// Rates adds what one call has told of a candidate's speed. Rates that are not
// above zero are passed over.
func (l *Lessons) Rates(candidate string, measured map[Rate]float64) {
	for rate, x := range measured {
		if x > 0 {
			l.rates = append(l.rates, string(rate)+" "+candidate, math.Log(x))
		}
	}
}

// Length adds the length of one answer, in tokens with the thinking included.
func (l *Lessons) Length(of Length, tokens int) {
	if tokens <= 0 {
		return
	}
	if l.lengths == nil {
		l.lengths = map[version][]any{}
	}
	v := version{of.Agent, of.Version}
	l.lengths[v] = append(l.lengths[v], of.Variant+" "+of.Candidate, math.Log(float64(tokens)))
}

// Count adds one attempt at a job to the tally of its variant.
func (l *Lessons) Count(j *tasks.Job, t Tallied) {
	if l.tallies == nil {
		l.tallies = map[version]sums{}
	}
	v := version{j.Agent, j.AgentVersion}
	sum, ok := l.tallies[v]
	if !ok {
		sum = sums{map[string]int64{}, map[string]float64{}}
		l.tallies[v] = sum
	}
	prefix := j.Variant + " "
	for figure, n := range t.figures() {
		sum.counts[prefix+figure] += n
	}
	if t.answered() {
		x := logSeconds(t.Took)
		sum.logs[prefix+figureLog] += x
		sum.logs[prefix+figureLogSquared] += x * x
	}
}

func logSeconds(d time.Duration) float64 { return math.Log(max(d.Seconds(), 0.001)) }

// Learn takes lessons into what is known. They are statistics: some may be lost
// with Redis, or be taken in twice when an answer of it was.
func (s *Store) Learn(ctx context.Context, l *Lessons) error {
	if err := s.learn(ctx, learnedKey, 0, "0", l.durations); err != nil {
		return err
	}
	if err := s.learn(ctx, ratesKey, 0, robust, l.rates); err != nil {
		return err
	}
	for of, measured := range l.lengths {
		if err := s.learn(ctx, lengthsKey(of.agent, of.version), lengthsFor, robust, measured); err != nil {
			return err
		}
	}
	return s.count(ctx, l.tallies)
}

// robust has learn.lua mistrust what is far off.
const robust = "1"

func (s *Store) learn(ctx context.Context, key string, kept time.Duration, how string, measured []any) error {
	if len(measured) == 0 {
		return nil
	}
	args := append([]any{kept.Milliseconds(), how}, measured...)
	if err := learnScript.Run(ctx, s.rdb, []string{key}, args...).Err(); err != nil {
		return fmt.Errorf("learn: %w", away(err))
	}
	return nil
}

// count adds to the tallies of versions.
func (s *Store) count(ctx context.Context, tallies map[version]sums) error {
	if len(tallies) == 0 {
		return nil
	}
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for of, sum := range tallies {
			key, versions := experimentKey(of.agent, of.version), versionsKey(of.agent)
			for field, n := range sum.counts {
				if n != 0 {
					p.HIncrBy(ctx, key, field, n)
				}
			}
			for field, x := range sum.logs {
				p.HIncrByFloat(ctx, key, field, x)
			}
			p.PExpire(ctx, key, tallyFor)
			p.ZAdd(ctx, versions, redis.Z{Score: float64(time.Now().UnixMilli()), Member: of.version})
			p.ZRemRangeByRank(ctx, versions, 0, -tallyVersions-1)
			p.PExpire(ctx, versions, tallyFor)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count outcomes: %w", away(err))
	}
	return nil
}
