package worker

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// pace is how fast a candidate is expected to be: nine of ten calls are faster.
// What is not known is zero, and holds nobody up.
type pace struct {
	load    time.Duration // until the model is in memory
	first   time.Duration // until the first token, of those who do not tell load and prefill apart
	prefill float64       // prompt tokens per second
	decode  float64       // tokens written per second
}

// useful is the share of the time left that is planned with. The rest is for
// what nobody measures: the network, the queue of the server, the checks.
const useful = 0.92

// tokens returns how many tokens a candidate of this pace can write in the time
// left after a prompt of so many tokens: below zero when it cannot even read it,
// and as many as there are when its pace is not known.
func (p pace) tokens(left time.Duration, input int) int {
	if p.decode <= 0 {
		return math.MaxInt32
	}
	seconds := useful*left.Seconds() - p.load.Seconds() - p.first.Seconds()
	if p.prefill > 0 {
		seconds -= float64(input) / p.prefill
	}
	return int(math.Floor(min(p.decode*seconds, math.MaxInt32)))
}

// allotment is what a call is to be fitted to.
type allotment struct {
	most  int           // tokens of answer that the agent allows
	least int           // tokens below which an answer is of no use
	usual int           // tokens that every other answer takes, thinking included; 0: not known, or not asked for
	input int           // tokens of the prompt
	left  time.Duration // until the answer must be there
}

// fit returns the most tokens that an answer may take, and those that thinking
// and answer may take together; both as an error when an answer that is of use
// does not fit.
func (b allotment) fit(candidate string, p pace) (answer, total int, err error) {
	total = p.tokens(b.left, b.input)
	if need := max(b.least, b.usual); total < need {
		return 0, 0, &providers.Refusal{Reason: providers.TooSlow, Message: fmt.Sprintf(
			"%s can write %d tokens in the %s left; an answer needs %d", candidate, max(total, 0), providers.Span(max(b.left, 0)), need)}
	}
	if total == math.MaxInt32 {
		return b.most, 0, nil
	}
	return min(b.most, total), total, nil
}

// fit gives the call of a candidate the tokens that it has the time for, or
// refuses it, so that the job goes to a faster one or to the other lane before
// time is spent on an answer that would be cut off.
func (a *attempt) fit(ctx context.Context, agent *agents.Agent, c providers.Candidate, req *providers.Request) error {
	if req.OutputLimit == 0 {
		return nil
	}
	left, last := a.timeLeft(ctx)
	b := allotment{most: req.OutputLimit, least: min(agent.MinOutput, req.OutputLimit), input: providers.EstimateTokens(req), left: left}
	name := c.String()
	if !last {
		// Where another lane can answer as well, it is not worth trying what every
		// other time does not get done; where none can, any chance is better than none.
		b.usual = a.paces.usualLength(ctx, a.job, name)
	}
	p := a.paces.of(ctx, name, a.Fleet.parameters(a.lane, c))
	answer, total, err := b.fit(name, p)
	if err != nil {
		a.warmUp(c, b, p)
		return err
	}
	req.OutputLimit, req.TotalLimit = answer, total
	return nil
}

// timeLeft is how long a call of this attempt may take, and whether this is the
// last lane that can answer.
//
// A first lane that has another beside it writes until the job's target: an
// answer later than that is late, and the other lane would have been in time. It
// is not stopped at the spill time, the last moment at which the other lane
// still makes the target for sure, since for a job of any size that would leave
// it half of its time, cut off most answers that would have been in time, and
// have the other lane paid for all of these. What keeps the target safe is that
// a job whose answer is not likely to fit is refused before it begins. The last
// lane has until the deadline: there a late answer is better than none.
func (a *attempt) timeLeft(ctx context.Context) (left time.Duration, last bool) {
	until := a.deadline
	last = a.job.OpenLanes()[0] != a.lane || !a.otherLane(ctx)
	if !last {
		until = a.deadline.Add(a.job.TargetAt.Sub(a.job.Deadline))
	}
	left = time.Until(until)
	if most := a.cfg.LongestCall[a.lane]; most > 0 {
		left = min(left, most)
	}
	return left, last
}

// planned is the pace of local models on a Mac Studio, by billions of weights.
// It is only used until a model has answered once, and says nothing of loading,
// which differs tenfold from disk to disk.
var planned = []struct{ weights, prefill, decode float64 }{{7, 1100, 85}, {32, 340, 27}, {72, 152, 12.9}}

// planningPace is what is expected of a local model that was never measured,
// from its number of weights; that of the nearest one that was, in proportion.
func planningPace(weights int64) pace {
	if weights <= 0 {
		return pace{}
	}
	billions := float64(weights) / 1e9
	at := planned[0]
	for _, p := range planned[1:] {
		if math.Abs(math.Log(p.weights/billions)) < math.Abs(math.Log(at.weights/billions)) {
			at = p
		}
	}
	return pace{prefill: at.prefill * at.weights / billions, decode: at.decode * at.weights / billions}
}

// parameters returns the number of weights of a local candidate; 0 when its
// provider does not say, and of clouds.
func (f *Fleet) parameters(lane tasks.Lane, c providers.Candidate) int64 {
	if lane != tasks.Local {
		return 0
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, m := range f.reachable[c.Provider.Name()] {
		if m.Name == c.Model {
			return m.Parameters
		}
	}
	return 0
}
