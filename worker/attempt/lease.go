package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/topcentral/spillway/tasks/store"
)

// renewals is how often a running attempt renews its lease within one lease, so
// that several may be lost before the lease is.
const renewals = 4

// keepLease renews the attempt's lease until stop is called, and cancels the attempt
// when the job is canceled or no longer its own. While Redis is unavailable it
// goes on: whether the attempt still owns the job is decided when it writes. It goes
// on after ctx has ended, too: the outcome is still to be written then.
func (a *attempt) keepLease(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	ctx, release := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(a.Store.Lease() / renewals)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.canceled:
			case <-tick.C:
			}
			err := a.Store.Renew(ctx, a.job.ID, a.job.Attempt)
			if errors.Is(err, store.ErrStale) {
				cancel(err)
				return
			}
		}
	}()
	return func() { release(); <-done }
}
