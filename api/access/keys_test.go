package access

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestAKeyIsKeptWithoutItsSecret(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, clock := newKeys(rdb)
		text, made := create(t, keys, func(k *Key) {
			k.Name, k.Env, k.CreatedBy = "CRM", "test", "ann"
			k.AllowIPs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			k.Rate, k.ExpiresAt = &Rate{5, time.Second, 2}, clock.now().Add(time.Hour)
		})
		list, err := keys.List(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("got %v, %v", list, err)
		}
		got := list[0]
		if got.ID != made.ID || got.Name != "CRM" || got.Tenant != "acme" || got.CreatedBy != "ann" || *got.Rate != *made.Rate ||
			!got.ExpiresAt.Equal(made.ExpiresAt) || !got.CreatedAt.Equal(clock.now()) || got.AllowIPs[0] != made.AllowIPs[0] {
			t.Errorf("got %+v, want %+v", got, made)
		}
		if !strings.HasPrefix(text, got.Prefix+"_") || !strings.HasSuffix(text, got.Last4) {
			t.Errorf("%s is not of %s…%s", text, got.Prefix, got.Last4)
		}
		secret := text[len(got.Prefix)+1 : len(text)-4]
		kept, err := rdb.HGetAll(t.Context(), recordKey(got.ID)).Result()
		if err != nil {
			t.Fatal(err)
		}
		for field, value := range kept {
			if strings.Contains(value, secret) {
				t.Errorf("the field %s holds the secret", field)
			}
		}
	})
}

func TestRotationOverlaps(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, clock := newKeys(rdb)
		guard := New(Config{Keys: keys})
		old, made := create(t, keys, func(k *Key) { k.Name, k.ExpiresAt = "CRM", clock.now().Add(90*24*time.Hour) })
		next, after, err := keys.Rotate(t.Context(), made.ID, 24*time.Hour, "ann")
		if err != nil {
			t.Fatal(err)
		}
		if after.Replaces != made.ID || after.Name != "CRM" || !after.ExpiresAt.Equal(clock.now().Add(90*24*time.Hour)) {
			t.Errorf("the new key: got %+v", after)
		}
		for _, text := range []string{old, next} {
			if _, _, err := ask(t, guard, text, JobsRead); err != nil {
				t.Errorf("within the overlap: %v", err)
			}
		}
		clock.pass(24 * time.Hour)
		if _, _, err := ask(t, guard, old, JobsRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
			t.Errorf("the old key after the overlap: got %v", err)
		}
		if _, _, err := ask(t, guard, next, JobsRead); err != nil {
			t.Errorf("the new key after the overlap: %v", err)
		}
		if _, _, err := keys.Rotate(t.Context(), made.ID, 0, ""); tasks.CodeOf(err) != tasks.CodeConflict {
			t.Errorf("rotation of a key that has ended: got %v", err)
		}
	})
}

func TestKeysThatMakeNoSenseAreNotMade(t *testing.T) {
	keys, _ := newKeys(redistest.Embedded(t))
	_, _, err := keys.Create(t.Context(), Key{Tenant: "a:b", Env: "Live", Scopes: []Scope{"jobs:all"}, Name: "two\nlines"})
	for _, want := range []string{"tenant", "env", "scope", "name"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to tell of %s", err, want)
		}
	}
	for _, id := range []string{"", "*", "0123456789ab"} {
		if _, err := keys.Revoke(t.Context(), id, "me"); tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("revoke %q: got %v", id, err)
		}
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, _ := create(t, keys, nil)
	first := clock.now()
	for range 3 {
		if _, _, err := ask(t, guard, text, JobsRead); err != nil {
			t.Fatal(err)
		}
		clock.pass(25 * time.Second)
	}
	lastUse := func() time.Time {
		list, err := keys.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list[0].LastUsedAt
	}
	if got := lastUse(); !got.Equal(first) {
		t.Errorf("within a minute: got %v, want %v", got, first)
	}
	if _, _, err := ask(t, guard, text, JobsRead); err != nil {
		t.Fatal(err)
	}
	if got := lastUse(); !got.Equal(clock.now()) {
		t.Errorf("later: got %v, want %v", got, clock.now())
	}
}
