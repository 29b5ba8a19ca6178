package endpoints

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

func openWith(t *testing.T, rdb redis.UniversalClient, shared bool, secrets ...webhook.Secret) *Registry {
	t.Helper()
	b, err := Open(rdb, Config{Secrets: secrets, Shared: shared, CheckURL: webhook.Policy{}.CheckURL})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reveal returns the secrets that sign a tenant's callbacks, as text.
func reveal(t *testing.T, b *Registry, tenant string) []string {
	t.Helper()
	secrets, err := b.Signing(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

// A tenant that can verify its own callbacks cannot forge another's.
func TestEachTenantHasASecretOfItsOwn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		installation := webhook.NewSecret()
		b, ctx := openWith(t, rdb, false, installation), t.Context()
		acme, other := reveal(t, b, "acme"), reveal(t, b, "other")
		if len(acme) != 1 || len(other) != 1 || acme[0] == other[0] || acme[0] == installation.Reveal() {
			t.Fatalf("acme %d, other %d secrets", len(acme), len(other))
		}
		shown, err := b.Secret(ctx, "acme")
		if err != nil || shown.Secret != acme[0] || shown.Tenant != "acme" || shown.Shared {
			t.Errorf("shown %+v, %v", shown, err)
		}
		if raw := rdb.HGet(ctx, secretKey("acme"), keyringField).Val(); strings.Contains(raw, strings.TrimPrefix(acme[0], "whsec_")[:12]) {
			t.Errorf("the secret stands in %s", raw)
		}
		rotated, err := b.RotateSecret(ctx, "acme", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := reveal(t, b, "acme"); !slices.Equal(got, []string{rotated.Secret, acme[0]}) {
			t.Errorf("within the overlap %d secrets sign", len(got))
		}
		if rotated, err = b.RotateSecret(ctx, "acme", 0); err != nil {
			t.Fatal(err)
		}
		if got := reveal(t, b, "acme"); !slices.Equal(got, []string{rotated.Secret}) {
			t.Errorf("without an overlap %d secrets sign", len(got))
		}
		if _, err := b.RotateSecret(ctx, "acme", -time.Second); tasks.CodeOf(err) != tasks.CodeInvalid {
			t.Errorf("an overlap below 0: %v", err)
		}
	})
}

func TestTheFirstUseOfASecretRaces(t *testing.T) {
	rdb := redistest.Embedded(t)
	b := openWith(t, rdb, false, webhook.NewSecret())
	var all sync.WaitGroup
	got := make([]string, 20)
	for i := range got {
		all.Go(func() { got[i] = reveal(t, b, "acme")[0] })
	}
	all.Wait()
	if len(slices.Compact(got)) != 1 {
		t.Errorf("%d secrets were made", len(slices.Compact(got)))
	}
}

// Receivers that verify with the installation's secret go on until the operator,
// or the tenant by a rotation, ends it.
func TestTheInstallationsSecretSignsForATransition(t *testing.T) {
	rdb := redistest.Embedded(t)
	fresh, old := webhook.NewSecret(), webhook.NewSecret()
	b := openWith(t, rdb, true, fresh, old)
	got := reveal(t, b, "acme")
	if len(got) != 3 || got[1] != fresh.Reveal() || got[2] != old.Reveal() {
		t.Fatalf("%d secrets sign", len(got))
	}
	if shown, err := b.Secret(t.Context(), "acme"); err != nil || !shown.Shared || shown.Secret != got[0] {
		t.Errorf("shown %+v, %v", shown, err)
	}
	if got := reveal(t, openWith(t, rdb, false, fresh, old), "acme"); len(got) != 1 {
		t.Errorf("when the operator has ended it %d secrets sign", len(got))
	}
	if _, err := b.RotateSecret(t.Context(), "acme", time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := reveal(t, b, "acme"); len(got) != 4 {
		t.Errorf("within the overlap %d secrets sign", len(got))
	}
	if rotated, err := b.RotateSecret(t.Context(), "other", 0); err != nil || rotated.Shared || len(reveal(t, b, "other")) != 1 {
		t.Errorf("after a tenant's rotation: %+v, %v", rotated, err)
	}
}

// What the installation's old secret has sealed is sealed by the new one, before
// the old one goes: when it is used, and all at once.
func TestARotationOfTheInstallationsSecretSealsAnew(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		fresh, old := webhook.NewSecret(), webhook.NewSecret()
		before, ctx := openWith(t, rdb, false, old), t.Context()
		used, idle := register(t, before, "acme"), register(t, before, "idle")
		acme, quiet := reveal(t, before, "acme"), reveal(t, before, "quiet")

		during := openWith(t, rdb, false, fresh, old)
		if seals, err := during.Seals(ctx); err != nil || seals.Old != 4 || seals.Current != 0 || len(seals.Lost) != 0 {
			t.Fatalf("at first %+v, %v", seals, err)
		}
		if _, err := during.Target(ctx, "acme", used.ID); err != nil {
			t.Fatal(err)
		}
		reveal(t, during, "acme")
		if seals, err := during.Reseal(ctx); err != nil || seals.Old != 2 || seals.Current != 2 {
			t.Errorf("after two were used: %+v, %v", seals, err)
		}

		after := openWith(t, rdb, false, fresh)
		if seals, err := after.Seals(ctx); err != nil || seals.Current != 4 || len(seals.Lost) != 0 {
			t.Errorf("without the old one: %+v, %v", seals, err)
		}
		if got := reveal(t, after, "acme"); !slices.Equal(got, acme) {
			t.Error("the tenant's secret is another")
		}
		if got := reveal(t, after, "quiet"); !slices.Equal(got, quiet) {
			t.Error("the secret of a tenant that was quiet is another")
		}
		if target, err := after.Target(ctx, "idle", idle.ID); err != nil || target.Secrets[0].Reveal() != idle.Secret {
			t.Errorf("an endpoint that was idle: %+v, %v", target, err)
		}
	})
}

// What cannot be opened is said wherever one looks, and a rotation mends it.
func TestASecretThatCannotBeOpenedIsNotSilent(t *testing.T) {
	rdb := redistest.Embedded(t)
	before, ctx := openWith(t, rdb, false, webhook.NewSecret()), t.Context()
	e := register(t, before, "acme")
	reveal(t, before, "acme")

	b := openWith(t, rdb, true, webhook.NewSecret())
	if shown, err := b.Endpoint(ctx, "acme", e.ID); err != nil || !shown.SecretLost {
		t.Errorf("the endpoint is not marked: %+v, %v", shown, err)
	}
	target, err := b.Target(ctx, "acme", e.ID)
	if !errors.Is(err, webhook.ErrNoSecret) || target == nil || target.URL != url {
		t.Errorf("target %+v, %v", target, err)
	}
	if _, err := b.Signing(ctx, "acme"); !errors.Is(err, webhook.ErrNoSecret) {
		t.Errorf("callbacks: %v", err)
	}
	if _, err := b.Secret(ctx, "acme"); tasks.CodeOf(err) != tasks.CodeConflict {
		t.Errorf("shown: %v", err)
	}
	seals, err := b.Reseal(ctx)
	if want := []string{"acme " + keyringField, "acme " + e.ID}; err != nil || !slices.Equal(seals.Lost, want) {
		t.Errorf("got %+v, %v, want lost %v", seals, err, want)
	}
	// A try that could not be signed is no failure of the receiver's.
	d := &tasks.Delivery{Endpoint: e.ID, Outcome: string(webhook.Unsigned), At: time.Now()}
	if _, err := b.Note(ctx, "acme", d); err != nil {
		t.Fatal(err)
	}
	if shown, _ := b.Endpoint(ctx, "acme", e.ID); !shown.FailingSince.IsZero() {
		t.Errorf("the receiver is blamed: %+v", shown)
	}

	if rotated, err := b.Rotate(ctx, "acme", e.ID, time.Hour); err != nil || rotated.SecretLost {
		t.Errorf("rotated %+v, %v", rotated, err)
	}
	rotated, err := b.RotateSecret(ctx, "acme", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got := reveal(t, b, "acme"); got[0] != rotated.Secret {
		t.Error("after the rotation another secret signs")
	}
	if seals, err := b.Seals(ctx); err != nil || len(seals.Lost) != 0 {
		t.Errorf("after both rotations: %+v, %v", seals, err)
	}
}
