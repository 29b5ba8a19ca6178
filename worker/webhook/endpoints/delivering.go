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

// Subscribed lists the endpoints of a tenant that are to be told of such an
// event, in order, as Redis has them now.
func (b *Book) Subscribed(ctx context.Context, tenant string, typ tasks.EventType) ([]string, error) {
	records, err := b.records(ctx, tenant)
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

// Target says where and with which secrets a webhook of an endpoint is sent.
// CodeNotFound when the endpoint is gone or disabled; webhook.ErrNoSecret, with a
// target, when its secret cannot be opened.
func (b *Book) Target(ctx context.Context, tenant, id string) (*webhook.Target, error) {
	r, err := b.find(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if r.Disabled != "" {
		return nil, tasks.Errorf(tasks.CodeNotFound, "the endpoint is disabled (%s)", r.Disabled)
	}
	secrets, old, err := b.unseal(id, r.Secrets)
	if old && err == nil {
		err = b.resealEndpoint(ctx, r)
	}
	return &webhook.Target{URL: r.URL, Secrets: secrets}, err
}

// Note keeps a try in the log, and draws from it whether its endpoint still
// answers: one that has answered 410, or has failed in every try of five days,
// is disabled. It reports whether this try has disabled it.
func (b *Book) Note(ctx context.Context, tenant string, d *tasks.Delivery) (disabled bool, err error) {
	if err := b.log(ctx, tenant, d); err != nil || d.Endpoint == "" {
		return false, err
	}
	switch webhook.Class(d.Outcome) {
	case webhook.Delivered, webhook.Unsigned: // the second is no fault of the receiver's
		return false, nil
	case webhook.Gone:
		return b.disable(ctx, tenant, d.Endpoint, tasks.DisabledGone)
	}
	first, err := b.firstFailure(ctx, tenant, d)
	if err != nil || d.At.Sub(first) < failingFor {
		return false, err
	}
	return b.disable(ctx, tenant, d.Endpoint, tasks.DisabledFailing)
}

// firstFailure returns when the tries of an endpoint began to fail, which is now
// if the one before did not.
func (b *Book) firstFailure(ctx context.Context, tenant string, d *tasks.Delivery) (time.Time, error) {
	keys := []string{recordsKey(tenant), failingKey(tenant)}
	ms, err := failedScript.Run(ctx, b.rdb, keys, d.Endpoint, d.At.UnixMilli()).Int64()
	if err != nil {
		return d.At, away(err)
	}
	return time.UnixMilli(ms), nil
}

// errDisabledAlready ends an update that has nothing to do.
var errDisabledAlready = errors.New("disabled already")

func (b *Book) disable(ctx context.Context, tenant, id string, why tasks.DisabledReason) (bool, error) {
	_, err := b.update(ctx, tenant, id, func(r *record) error {
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
