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
func (b *Book) unseal(id string, secrets []sealed) (opened []webhook.Secret, old bool, err error) {
	for i, s := range signing(secrets, time.Now()) {
		text, before, err := b.seals.open(id, s.Box)
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
func (b *Book) reseal(id string, secrets []sealed) []sealed {
	next := slices.Clone(secrets)
	for i, s := range next {
		if text, old, err := b.seals.open(id, s.Box); err == nil && old {
			next[i].Box = b.seals.seal(id, text)
		}
	}
	return next
}

// resealEndpoint seals an endpoint's secrets anew. That another has changed the
// endpoint meanwhile is no error: the next to open them does it.
func (b *Book) resealEndpoint(ctx context.Context, r *record) error {
	next := *r
	next.Secrets = b.reseal(r.ID, r.Secrets)
	return unlessChanged(b.replace(ctx, &next))
}

// resealKeyring does so with a tenant's.
func (b *Book) resealKeyring(ctx context.Context, tenant string, k *keyring) error {
	next := *k
	next.Secrets = b.reseal(sealedFor(tenant), k.Secrets)
	return unlessChanged(b.replaceKeyring(ctx, tenant, &next))
}

func unlessChanged(err error) error {
	if errors.Is(err, errChanged) {
		return nil
	}
	return err
}

// Seals tells of all tenants' secrets by what has sealed them.
type Seals struct {
	Current int      // the installation's first secret
	Old     int      // another one of its secrets
	Lost    []string // none of them: "<tenant> <endpoint>", or "<tenant> callbacks"
}

// Seals looks at the secrets of all tenants.
func (b *Book) Seals(ctx context.Context) (Seals, error) {
	return b.survey(ctx, func(context.Context, string, *record, *keyring) error { return nil })
}

// Reseal has the installation's first secret seal all that the others open. What
// it returns is how it was before.
func (b *Book) Reseal(ctx context.Context) (Seals, error) {
	return b.survey(ctx, func(ctx context.Context, tenant string, r *record, k *keyring) error {
		if r != nil {
			return b.resealEndpoint(ctx, r)
		}
		return b.resealKeyring(ctx, tenant, k)
	})
}

// survey looks at the secrets of all tenants, and calls old with each endpoint,
// or keyring, that holds one which another than the first secret opens.
func (b *Book) survey(ctx context.Context, old func(ctx context.Context, tenant string, r *record, k *keyring) error) (Seals, error) {
	var s Seals
	keys, err := b.scan(ctx)
	if err != nil {
		return s, away(err)
	}
	for _, key := range keys {
		tenant, kind, _ := strings.Cut(strings.TrimPrefix(key, keyPrefix), keyMiddle)
		if kind == keyringKind {
			k, err := b.findKeyring(ctx, tenant)
			if err != nil || k == nil {
				return s, err
			}
			if s.count(b, sealedFor(tenant), tenant+" "+keyringField, k.Secrets) {
				err = old(ctx, tenant, nil, k)
			}
			if err != nil {
				return s, err
			}
			continue
		}
		records, err := b.records(ctx, tenant)
		if err != nil {
			return s, err
		}
		for _, r := range records {
			if s.count(b, r.ID, tenant+" "+r.ID, r.Secrets) {
				if err := old(ctx, tenant, r, nil); err != nil {
					return s, err
				}
			}
		}
	}
	slices.Sort(s.Lost)
	return s, nil
}

// count counts what stands under a name, and reports whether it is to be sealed
// anew.
func (s *Seals) count(b *Book, id, name string, secrets []sealed) (isOld bool) {
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
func (b *Book) scan(ctx context.Context) ([]string, error) {
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
	if cluster, ok := b.rdb.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return one(ctx, master) })
	} else {
		err = one(ctx, b.rdb)
	}
	slices.Sort(found)
	return slices.Compact(found), err
}
