package endpoints

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// scanPage is how many keys are asked for at a time.
const scanPage = 1000

// addOwner adds a tenant to the owners. It comes before what the tenant is to own, so
// that an owner is never missing; one too many costs a look.
func (reg *Registry) addOwner(ctx context.Context, tenant string) error {
	return unavailable(reg.rdb.SAdd(ctx, ownersKey, tenant).Err())
}

// owners lists the tenants that may have endpoints or a secret, in order. Once in the
// life of an installation it looks for them among all keys: builds from before 0.1.0
// kept no such set.
func (reg *Registry) owners(ctx context.Context) ([]string, error) {
	indexed, err := reg.rdb.Exists(ctx, indexedKey).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	if indexed == 0 {
		if err := reg.index(ctx); err != nil {
			return nil, unavailable(err)
		}
	}
	tenants, err := reg.rdb.SMembers(ctx, ownersKey).Result()
	slices.Sort(tenants)
	return tenants, unavailable(err)
}

// index adds the owners of all keys there are to the set.
func (reg *Registry) index(ctx context.Context) error {
	tenants, err := reg.scan(ctx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(tenants, scanPage) {
		if err := reg.rdb.SAdd(ctx, ownersKey, some...).Err(); err != nil {
			return err
		}
	}
	return reg.rdb.Set(ctx, indexedKey, "", 0).Err()
}

// scan returns the tenants that all masters have endpoints or secrets of.
func (reg *Registry) scan(ctx context.Context) ([]any, error) {
	var mu sync.Mutex
	var found []any
	one := func(ctx context.Context, server redis.Cmdable) error {
		it := server.Scan(ctx, 0, keyPrefix+"*"+keyMiddle+"*", scanPage).Iterator()
		for it.Next(ctx) {
			tenant, kind, _ := strings.Cut(strings.TrimPrefix(it.Val(), keyPrefix), keyMiddle)
			if kind == endpointsKind || kind == keyringKind {
				mu.Lock()
				found = append(found, tenant)
				mu.Unlock()
			}
		}
		return it.Err()
	}
	if cluster, ok := reg.rdb.(*redis.ClusterClient); ok {
		err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return one(ctx, master) })
		return found, err
	}
	return found, one(ctx, reg.rdb)
}
