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
	Median tasks.Duration `json:"median_seconds"`
	P95    tasks.Duration `json:"p95_seconds"`
}

// Tallied is how one attempt at a job has ended, for the tally of its variant.
type Tallied struct {
	Ended tasks.State     // "" when the job goes on elsewhere
	By    tasks.Lane      // who answered a job that succeeded
	Took  time.Duration   // from the claim to the end
	Calls []tasks.Attempt // that models were asked in this attempt
}

// tallyFor is how long the tally of an agent that no longer runs is kept.
const tallyFor = 90 * 24 * time.Hour

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
	figureLog         = "log_seconds"         // sum of the logarithms of Took of the succeeded
	figureLogSquared  = "log_seconds_squared" // and of their squares
)

// Count adds one attempt at a job to the tally of its variant. It is a
// statistic: a count may be lost with Redis, or made twice when an answer of it
// was.
func (s *Store) Count(ctx context.Context, j *tasks.Job, t Tallied) error {
	key, prefix := experimentKey(j.Agent), j.AgentVersion+" "+j.Variant+" "
	_, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for figure, n := range t.figures() {
			if n != 0 {
				p.HIncrBy(ctx, key, prefix+figure, n)
			}
		}
		if t.answered() {
			x := math.Log(max(t.Took.Seconds(), 0.001))
			p.HIncrByFloat(ctx, key, prefix+figureLog, x)
			p.HIncrByFloat(ctx, key, prefix+figureLogSquared, x*x)
		}
		p.PExpire(ctx, key, tallyFor)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count outcome: %w", away(err))
	}
	return nil
}

// notMade are the outcomes of calls that were refused before they were made.
var notMade = []string{
	tasks.OutcomeBreakerOpen, tasks.OutcomeLimitReached, tasks.OutcomeBudgetSpent, tasks.OutcomeTooSlow, tasks.OutcomeNotMasked,
}

// answered reports whether a model has.
func (t *Tallied) answered() bool { return t.Ended == tasks.Succeeded && t.By != tasks.Scorecard }

func (t *Tallied) figures() map[string]int64 {
	f := map[string]int64{}
	switch {
	case t.answered():
		f[figureSucceeded] = 1
	case t.Ended == tasks.Succeeded:
		f[figureDegraded] = 1
	case t.Ended == tasks.Failed:
		f[figureFailed] = 1
	}
	for i := range t.Calls {
		c := &t.Calls[i]
		if c.Lane == tasks.Scorecard || slices.Contains(notMade, c.Outcome) {
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
	h, err := s.rdb.HGetAll(ctx, experimentKey(agent)).Result()
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", away(err))
	}
	figures := map[[2]string]map[string]float64{} // by version and variant
	for field, value := range h {
		part := strings.Split(field, " ")
		n, err := strconv.ParseFloat(value, 64)
		if len(part) != 3 || err != nil {
			continue // of a form we do not know
		}
		of := [2]string{part[0], part[1]}
		if figures[of] == nil {
			figures[of] = map[string]float64{}
		}
		figures[of][part[2]] = n
	}
	tallies := make([]Tally, 0, len(figures))
	for of, f := range figures {
		tallies = append(tallies, tally(agent, of[0], of[1], f))
	}
	slices.SortFunc(tallies, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Variant, b.Variant))
	})
	return tallies, nil
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
	if n := f[figureSucceeded]; n > 0 {
		mean := f[figureLog] / n
		deviation := math.Sqrt(max(0, f[figureLogSquared]/n-mean*mean))
		t.Median, t.P95 = seconds(math.Exp(mean)), seconds(math.Exp(mean+1.645*deviation))
	}
	return t
}

func seconds(s float64) tasks.Duration { return tasks.Duration(s * float64(time.Second)) }
