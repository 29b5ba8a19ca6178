package endpoints

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/topcentral/spillway/worker/webhook"
)

// unseal opens those of the secrets, sealed for an ID, that sign now, and reports
// whether any was sealed by another than the installation's first secret. One
// that cannot be opened signs nothing; without the newest there is an error.
func (reg *Registry) unseal(id string, secrets []sealed) (opened []webhook.Secret, old bool, err error) {
	for i, s := range signing(secrets, time.Now()) {
		text, before, err := reg.seals.open(id, s.Box)
		if err != nil && i > 0 {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		secret, err := webhook.ParseSecret(text)
		if err != nil {
			return nil, false, err
		}
		opened, old = append(opened, secret), old || before
	}
	if len(opened) == 0 {
		return nil, false, webhook.ErrNoSecret
	}
	return opened, old, nil
}

// reseal returns the secrets as the installation's first secret seals them. One
// that cannot be opened stays as it is: the key may come back.
func (reg *Registry) reseal(id string, secrets []sealed) []sealed {
	next := slices.Clone(secrets)
	for i, s := range next {
		if text, old, err := reg.seals.open(id, s.Box); err == nil && old {
			next[i].Box = reg.seals.seal(id, text)
		}
	}
	return next
}

// resealEndpoint seals an endpoint's secrets anew. That another has changed the
// endpoint meanwhile is no error: the next to open them does it.
func (reg *Registry) resealEndpoint(ctx context.Context, r *record) error {
	next := *r
	next.Secrets = reg.reseal(r.ID, r.Secrets)
	return unlessChanged(reg.replace(ctx, &next))
}

// resealKeyring does so with a tenant's.
func (reg *Registry) resealKeyring(ctx context.Context, tenant string, k *keyring) error {
	next := *k
	next.Secrets = reg.reseal(sealedFor(tenant), k.Secrets)
	return unlessChanged(reg.replaceKeyring(ctx, tenant, &next))
}

func unlessChanged(err error) error {
	if errors.Is(err, errChanged) {
		return nil
	}
	return err
}

// Seals counts all tenants' secrets by the key that sealed them.
type Seals struct {
	Current int      // the installation's first secret
	Old     int      // another one of its secrets
	Lost    []string // none of them: "<tenant> <endpoint>", or "<tenant> callbacks"
}

// Seals looks at the secrets of all tenants.
func (reg *Registry) Seals(ctx context.Context) (Seals, error) {
	return reg.survey(ctx, func(context.Context, string, *record, *keyring) error { return nil })
}

// Reseal has the installation's first secret seal all that the others open. What
// it returns is how it was before.
func (reg *Registry) Reseal(ctx context.Context) (Seals, error) {
	return reg.survey(ctx, func(ctx context.Context, tenant string, r *record, k *keyring) error {
		if r != nil {
			return reg.resealEndpoint(ctx, r)
		}
		return reg.resealKeyring(ctx, tenant, k)
	})
}

// survey looks at the secrets of all tenants, and calls old with each endpoint,
// or keyring, that holds one which another than the first secret opens.
func (reg *Registry) survey(ctx context.Context, old func(ctx context.Context, tenant string, r *record, k *keyring) error) (Seals, error) {
	var s Seals
	tenants, err := reg.owners(ctx)
	if err != nil {
		return s, err
	}
	for _, tenant := range tenants {
		if err := reg.surveyTenant(ctx, tenant, &s, old); err != nil {
			return s, err
		}
	}
	slices.Sort(s.Lost)
	return s, nil
}

// surveyTenant does so with the secrets of one tenant.
func (reg *Registry) surveyTenant(ctx context.Context, tenant string, s *Seals, old func(ctx context.Context, tenant string, r *record, k *keyring) error) error {
	k, err := reg.findKeyring(ctx, tenant)
	if err != nil {
		return err
	}
	if k != nil && s.count(reg, sealedFor(tenant), tenant+" "+keyringField, k.Secrets) {
		if err := old(ctx, tenant, nil, k); err != nil {
			return err
		}
	}
	records, err := reg.records(ctx, tenant)
	if err != nil {
		return err
	}
	for _, r := range records {
		if s.count(reg, r.ID, tenant+" "+r.ID, r.Secrets) {
			if err := old(ctx, tenant, r, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts the secrets of an owner, and reports whether they are to be sealed
// anew.
func (s *Seals) count(b *Registry, id, name string, secrets []sealed) (isOld bool) {
	_, old, err := b.unseal(id, secrets)
	switch {
	case err != nil:
		s.Lost = append(s.Lost, name)
	case old:
		s.Old++
	default:
		s.Current++
	}
	return old
}
