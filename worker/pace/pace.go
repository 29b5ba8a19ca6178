package pace

import (
	"fmt"
	"math"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// Pace is the speed of a candidate at the 10th percentile: nine of ten calls are
// faster. A zero field is not known, and refuses nothing.
type Pace struct {
	Load    time.Duration // until the model is in memory
	First   time.Duration // until the first token, of servers that do not report load and prefill
	Prefill float64       // prompt tokens per second
	Decode  float64       // tokens written per second
}

// useful is the share of the time left that is planned with. The rest is for what
// is not measured: the network, the queue of the server, the checks.
const useful = 0.92

// tokens returns how many tokens a candidate of this pace can write in the time
// left after a prompt of so many tokens: below zero when it cannot even read it,
// and math.MaxInt32 when its pace is not known.
func (p Pace) tokens(left time.Duration, input int) int {
	if p.Decode <= 0 {
		return math.MaxInt32
	}
	seconds := useful*left.Seconds() - p.Load.Seconds() - p.First.Seconds()
	if p.Prefill > 0 {
		seconds -= float64(input) / p.Prefill
	}
	return int(math.Floor(min(p.Decode*seconds, math.MaxInt32)))
}

// Allotment bounds a call.
type Allotment struct {
	Most  int           // tokens of answer that the agent allows
	Least int           // tokens below which an answer is of no use
	Usual int           // tokens of a median answer, thinking included; 0: not known, or not to be considered
	Input int           // tokens of the prompt
	Left  time.Duration // until the answer must be there
}

// Fit returns the most tokens that an answer may take, and those that thinking
// and answer may take together; both as an error when an answer that is of use
// does not fit.
func (b Allotment) Fit(candidate string, p Pace) (answer, total int, err error) {
	total = p.tokens(b.Left, b.Input)
	if need := max(b.Least, b.Usual); total < need {
		return 0, 0, &providers.Refusal{Reason: tasks.OutcomeTooSlow, Message: fmt.Sprintf(
			"%s can write %d tokens in the %s left; an answer needs %d", candidate, max(total, 0), providers.Span(max(b.Left, 0)), need)}
	}
	if total == math.MaxInt32 {
		return b.Most, 0, nil
	}
	return min(b.Most, total), total, nil
}

// planned is the pace of local models on a Mac Studio, by billions of weights.
// It is only used until a model has answered once, and says nothing of loading,
// which differs tenfold from disk to disk.
var planned = []struct{ weights, prefill, decode float64 }{{7, 1100, 85}, {32, 340, 27}, {72, 152, 12.9}}

// planningPace is the pace of a local model that was never measured: that of the
// model with the nearest number of weights, in proportion.
func planningPace(weights int64) Pace {
	if weights <= 0 {
		return Pace{}
	}
	billions := float64(weights) / 1e9
	at := planned[0]
	for _, p := range planned[1:] {
		if math.Abs(math.Log(p.weights/billions)) < math.Abs(math.Log(at.weights/billions)) {
			at = p
		}
	}
	return Pace{Prefill: at.prefill * at.weights / billions, Decode: at.decode * at.weights / billions}
}
