package endpoints

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

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
	keys, err := reg.scan(ctx)
	if err != nil {
		return s, unavailable(err)
	}
	for _, key := range keys {
		tenant, kind, _ := strings.Cut(strings.TrimPrefix(key, keyPrefix), keyMiddle)
		if kind == keyringKind {
			k, err := reg.findKeyring(ctx, tenant)
			if err != nil || k == nil {
				return s, err
			}
			if s.count(reg, sealedFor(tenant), tenant+" "+keyringField, k.Secrets) {
				err = old(ctx, tenant, nil, k)
			}
			if err != nil {
				return s, err
			}
			continue
		}
		records, err := reg.records(ctx, tenant)
		if err != nil {
			return s, err
		}
		for _, r := range records {
			if s.count(reg, r.ID, tenant+" "+r.ID, r.Secrets) {
				if err := old(ctx, tenant, r, nil); err != nil {
					return s, err
				}
			}
		}
	}
	slices.Sort(s.Lost)
	return s, nil
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

// scanPage is how many keys are asked for at a time.
const scanPage = 1000

// scan returns the keys of all tenants' endpoints and keyrings, in order, from
// every master.
func (reg *Registry) scan(ctx context.Context) ([]string, error) {
	var mu sync.Mutex
	var found []string
	one := func(ctx context.Context, server redis.Cmdable) error {
		it := server.Scan(ctx, 0, keyPrefix+"*"+keyMiddle+"*", scanPage).Iterator()
		for it.Next(ctx) {
			if key := it.Val(); strings.HasSuffix(key, keyMiddle+endpointsKind) || strings.HasSuffix(key, keyMiddle+keyringKind) {
				mu.Lock()
				found = append(found, key)
				mu.Unlock()
			}
		}
		return it.Err()
	}
	var err error
	if cluster, ok := reg.rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return one(ctx, master) })
	} else {
		err = one(ctx, reg.rdb)
	}
	slices.Sort(found)
	return slices.Compact(found), err
}
