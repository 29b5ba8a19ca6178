package endpoints

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

// failingFor is how long every try of an endpoint may fail before it is
// disabled.
const failingFor = 5 * 24 * time.Hour

// Subscribed lists the endpoints of a tenant that subscribe to such events,
// in order, as Redis has them now.
func (reg *Registry) Subscribed(ctx context.Context, tenant string, typ tasks.EventType) ([]string, error) {
	records, err := reg.records(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range records {
		if r.wants(typ) {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Target returns the URL of an endpoint and the secrets that sign its webhooks.
// CodeNotFound when the endpoint is gone or disabled; webhook.ErrNoSecret, with a
// target, when its secret cannot be opened.
func (reg *Registry) Target(ctx context.Context, tenant, id string) (*webhook.Target, error) {
	r, err := reg.find(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if r.Disabled != "" {
		return nil, tasks.Errorf(tasks.CodeNotFound, "the endpoint is disabled (%s)", r.Disabled)
	}
	secrets, old, err := reg.unseal(id, r.Secrets)
	if old && err == nil {
		err = reg.resealEndpoint(ctx, r)
	}
	return &webhook.Target{URL: r.URL, Secrets: secrets}, err
}

// Note keeps a try in the log, and draws from it whether its endpoint still
// answers: one that has answered 410, or has failed in every try of five days,
// is disabled. It reports whether this try has disabled it.
func (reg *Registry) Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error) {
	if err := reg.log(ctx, tenant, d); err != nil || d.Endpoint == "" {
		return false, err
	}
	switch webhook.Class(d.Outcome) {
	case webhook.Delivered, webhook.Unsigned: // the second is no fault of the receiver's
		return false, nil
	case webhook.Gone:
		return reg.disable(ctx, tenant, d.Endpoint, tasks.DisabledGone)
	}
	first, err := reg.firstFailure(ctx, tenant, d)
	if err != nil || d.At.Sub(first) < failingFor {
		return false, err
	}
	return reg.disable(ctx, tenant, d.Endpoint, tasks.DisabledFailing)
}

// firstFailure returns when the tries of an endpoint began to fail, which is now
// if the one before did not.
func (reg *Registry) firstFailure(ctx context.Context, tenant string, d *tasks.Delivery) (time.Time, error) {
	keys := []string{recordsKey(tenant), failingKey(tenant)}
	ms, err := failedScript.Run(ctx, reg.rdb, keys, d.Endpoint, d.At.UnixMilli()).Int64()
	if err != nil {
		return d.At, unavailable(err)
	}
	return time.UnixMilli(ms), nil
}

// errDisabledAlready ends an update that has nothing to do.
var errDisabledAlready = errors.New("disabled already")

func (reg *Registry) disable(ctx context.Context, tenant, id string, why tasks.DisabledReason) (bool, error) {
	_, err := reg.update(ctx, tenant, id, func(r *record) error {
		if r.Disabled != "" {
			return errDisabledAlready
		}
		r.Disabled, r.DisabledAt = why, now()
		return nil
	})
	if errors.Is(err, errDisabledAlready) || tasks.CodeOf(err) == tasks.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}
