package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Tally is what the jobs of one variant of an agent's experiment have come to,
// or of the whole agent where it has none.
type Tally struct {
	Agent   string `json:"agent"`
	Version string `json:"agent_version"`
	Variant string `json:"variant,omitempty"`

	Succeeded int64 `json:"succeeded"` // answered by a model
	Degraded  int64 `json:"degraded"`  // answered by the scorecard, because no model did
	Failed    int64 `json:"failed"`

	Calls       int64        `json:"calls"`        // calls of models
	FailedCalls int64        `json:"failed_calls"` // those that gave no valid answer
	Tokens      tasks.Tokens `json:"tokens"`       // of all calls
	Cost        tasks.Money  `json:"cost_usd"`     // of all calls

	// From the claim of a job to a model's answer: what stood in queues is not in it.
	// They are counted, and 0 when no duration was.
	Median tasks.Duration `json:"median_seconds"`
	P95    tasks.Duration `json:"p95_seconds"`
}

// Tallied is how one attempt at a job has ended, for the tally of its variant.
type Tallied struct {
	Ended tasks.State     // "" if the job goes on elsewhere
	By    tasks.Lane      // that answered a job that succeeded
	Took  time.Duration   // from the claim to the end
	Calls []tasks.Attempt // that models were asked in this attempt
}

const (
	// tallyFor is how long the tally of a version is kept that no longer runs.
	tallyFor = 90 * 24 * time.Hour
	// tallyVersions is how many versions of an agent are listed: each edit of its
	// folder is one.
	tallyVersions = 100
)

// The figures of a tally in Redis.
const (
	figureSucceeded   = "succeeded"
	figureDegraded    = "degraded"
	figureFailed      = "failed"
	figureCalls       = "calls"
	figureFailedCalls = "failed_calls"
	figureInput       = "input"
	figureCached      = "cached"
	figureOutput      = "output"
	figureReasoning   = "reasoning"
	figureCost        = "cost"

	// Of the succeeded, by bucket: how many took so long, and the sum of their
	// milliseconds.
	figureTook   = "took:"
	figureTookMS = "took_ms:"
)

// perOctave is how many buckets of durations there are between one and its double.
const perOctave = 8

// bucketOf returns the number of a duration's bucket.
func bucketOf(d time.Duration) string {
	return strconv.Itoa(int(math.Floor(math.Log2(float64(max(d.Milliseconds(), 1))) * perOctave)))
}

// answered reports whether a model has.
func (t *Tallied) answered() bool { return t.Ended == tasks.Succeeded && t.By != tasks.Scorecard }

func (t *Tallied) figures() map[string]int64 {
	f := map[string]int64{}
	switch {
	case t.answered():
		f[figureSucceeded] = 1
		bucket := bucketOf(t.Took)
		f[figureTook+bucket], f[figureTookMS+bucket] = 1, t.Took.Milliseconds()
	case t.Ended == tasks.Succeeded:
		f[figureDegraded] = 1
	case t.Ended == tasks.Failed:
		f[figureFailed] = 1
	}
	for i := range t.Calls {
		c := &t.Calls[i]
		if c.Lane == tasks.Scorecard || !c.Called() {
			continue
		}
		f[figureCalls]++
		if c.Outcome != tasks.OutcomeSucceeded {
			f[figureFailedCalls]++
		}
		f[figureInput] += int64(c.Tokens.Input)
		f[figureCached] += int64(c.Tokens.Cached)
		f[figureOutput] += int64(c.Tokens.Output)
		f[figureReasoning] += int64(c.Tokens.Reasoning)
		f[figureCost] += int64(c.Cost)
	}
	return f
}

// Tallies returns what the jobs of an agent have come to, by version and
// variant, sorted.
func (s *Store) Tallies(ctx context.Context, agent string) ([]Tally, error) {
	versions, err := s.rdb.ZRange(ctx, versionsKey(agent), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", unavailable(err))
	}
	held := make([]*redis.MapStringStringCmd, len(versions))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, version := range versions {
			held[i] = p.HGetAll(ctx, experimentKey(agent, version))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", unavailable(err))
	}
	var tallies []Tally
	for i, version := range versions {
		for variant, f := range byVariant(held[i].Val()) {
			tallies = append(tallies, tally(agent, version, variant, f))
		}
	}
	slices.SortFunc(tallies, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Variant, b.Variant))
	})
	return tallies, nil
}

// byVariant sorts the figures of one version out.
func byVariant(h map[string]string) map[string]map[string]float64 {
	figures := map[string]map[string]float64{}
	for field, value := range h {
		variant, figure, ok := strings.Cut(field, " ")
		n, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			continue // of a form we do not know
		}
		if figures[variant] == nil {
			figures[variant] = map[string]float64{}
		}
		figures[variant][figure] = n
	}
	return figures
}

func tally(agent, version, variant string, f map[string]float64) Tally {
	t := Tally{
		Agent: agent, Version: version, Variant: variant,
		Succeeded: int64(f[figureSucceeded]), Degraded: int64(f[figureDegraded]), Failed: int64(f[figureFailed]),
		Calls: int64(f[figureCalls]), FailedCalls: int64(f[figureFailedCalls]), Cost: tasks.Money(f[figureCost]),
		Tokens: tasks.Tokens{
			Input: int(f[figureInput]), Cached: int(f[figureCached]), Output: int(f[figureOutput]), Reasoning: int(f[figureReasoning]),
		},
	}
	t.Median, t.P95 = counted(f, 0.5), counted(f, 0.95)
	return t
}

// counted returns the duration that the share p of those counted does not exceed:
// the mean of its bucket, which is no more than the longest one.
func counted(f map[string]float64, p float64) tasks.Duration {
	var buckets []Weighted
	for figure, n := range f {
		if bucket, ok := strings.CutPrefix(figure, figureTook); ok && n > 0 {
			buckets = append(buckets, Weighted{f[figureTookMS+bucket] / n, n})
		}
	}
	return tasks.Duration(math.Round(Quantile(buckets, p)) * float64(time.Millisecond))
}
