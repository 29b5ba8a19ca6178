package attempt

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// outcome is how an attempt ends.
type outcome struct {
	kind    string // for the log
	result  store.Result
	err     *tasks.Error
	release store.Release
	cause   error // why nothing is to be written

	again time.Duration // of a release: after which a lane is to be asked again; 0: it is not
	lane  tasks.Lane    // that lane
	spill bool          // the other lanes need not wait for their time
}

func succeeded(output json.RawMessage) outcome {
	return outcome{kind: "succeeded", result: store.Result{Output: output}}
}

func degraded(output json.RawMessage) outcome {
	return outcome{kind: "degraded", result: store.Result{Output: output, Degraded: true}}
}

func failed(err *tasks.Error) outcome { return outcome{kind: "failed", err: err} }

func released(r store.Release) outcome { return outcome{kind: "released", release: r} }

// interrupted is the outcome of an attempt whose context has ended: the job is
// handed back if the worker stops, and let go if it was canceled or another
// attempt has taken over.
func interrupted(ctx context.Context) outcome {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrShutdown) {
		return released(store.Release{Reason: store.ReasonShutdown})
	}
	return outcome{kind: "dropped", cause: cause}
}

// ErrShutdown is the cause that ends attempts which a stopping worker cannot wait for.
var ErrShutdown = errors.New("the worker is shutting down")

// writeTimeout bounds writes that the outcome of a job does not depend on.
const writeTimeout = 2 * time.Second
