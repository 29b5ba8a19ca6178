package attempt

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
)

// attempt is one claim of a job by this worker.
type attempt struct {
	*Runner
	job     *tasks.Job
	input   json.RawMessage
	lane    tasks.Lane
	log     *slog.Logger
	events  eventBatch          // not yet published
	records []tasks.Attempt     // outcome of each candidate
	calls   []providers.Attempt // of models, to be learned from
	version string              // of the agent it runs with
	cost    tasks.Money         // of all its calls
	unspent bool                // the last part of cost is not written to the job yet
	pending tasks.Lane          // of a candidate that the job names and that may yet be reached
	// deadline is the job's by this machine's clock; the job's own is by the
	// clock of Redis.
	deadline time.Time
	canceled <-chan struct{} // receives when the job may have been canceled
	mask     *privacy.Mask   // of the data on its way to the cloud; nil: it is not masked
}

// target is the job's target by this machine's clock.
func (a *attempt) target() time.Time { return a.deadline.Add(a.job.TargetAt.Sub(a.job.Deadline)) }
