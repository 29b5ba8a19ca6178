package attempt

import (
	"context"
	"errors"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// spend adds what a call has cost to the job, at once: the attempt may be cut.
func (a *attempt) spend(cost tasks.Money) {
	if cost == 0 {
		return
	}
	a.cost += cost
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.base), writeTimeout)
	defer cancel()
	err := a.writeCost(ctx)
	if a.unspent = err != nil; a.unspent {
		a.log.Warn("the cost of a call was not written; it will be with the outcome", "cost", a.cost.String(), "error", err)
	}
}

// writeCost writes what the attempt has cost so far.
func (a *attempt) writeCost(ctx context.Context) error {
	err := a.Store.Spend(ctx, a.job.ID, a.job.Attempt, a.cost)
	if errors.Is(err, store.ErrStale) {
		return nil // the job is no longer kept
	}
	return err
}
