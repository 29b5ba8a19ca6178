package attempt

import (
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// tally returns the outcome of the attempt as the statistics of agents and variants
// count it.
func (a *attempt) tally(o outcome, took time.Duration) store.Tallied {
	t := store.Tallied{Took: took, Calls: a.records, By: a.lane}
	switch {
	case o.err != nil:
		t.Ended = tasks.Failed
	case o.result.Output != nil:
		t.Ended = tasks.Succeeded
		if o.result.Degraded {
			t.By = tasks.Scorecard
		}
	}
	return t
}

// learn adds the finished attempt to the samples.
func (a *attempt) learn(o outcome, took time.Duration) {
	answered := took
	if o.result.Output == nil || o.result.Degraded {
		answered = 0
	}
	a.samples.Add(a.job, a.lane, a.calls, a.tally(o, took), answered)
}
