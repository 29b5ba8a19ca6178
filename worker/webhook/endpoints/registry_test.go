package endpoints

import (
	"context"
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

const url = "https://crm.example.com/hooks"

func open(t *testing.T, rdb redis.UniversalClient, secrets ...webhook.Secret) *Registry {
	t.Helper()
	b, err := Open(rdb, Config{Secrets: append(secrets, webhook.NewSecret()), CheckURL: webhook.Policy{}.CheckURL})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func register(t *testing.T, b *Registry, tenant string, events ...tasks.EventType) *tasks.Endpoint {
	t.Helper()
	e, err := b.Register(t.Context(), tenant, &tasks.EndpointDraft{URL: new(url), Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnEndpointFromRegistrationToRemoval(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		b, ctx := open(t, rdb), t.Context()
		e := register(t, b, "acme")
		if e.URL != url || !strings.HasPrefix(e.Secret, "whsec_") || len(e.Events) != 3 {
			t.Errorf("registered %+v", e)
		}
		target, err := b.Target(ctx, "acme", e.ID)
		if err != nil || len(target.Secrets) != 1 || target.Secrets[0].Reveal() != e.Secret {
			t.Fatalf("target %+v, %v", target, err)
		}
		shown, err := b.Endpoint(ctx, "acme", e.ID)
		if err != nil || shown.Secret != "" {
			t.Errorf("the secret is shown again, or %v", err)
		}

		rotated, err := b.Rotate(ctx, "acme", e.ID, time.Hour)
		if err != nil || rotated.Secret == e.Secret {
			t.Fatalf("rotated %+v, %v", rotated, err)
		}
		if target, _ = b.Target(ctx, "acme", e.ID); len(target.Secrets) != 2 || target.Secrets[0].Reveal() != rotated.Secret || target.Secrets[1].Reveal() != e.Secret {
			t.Errorf("within the overlap %d secrets sign", len(target.Secrets))
		}
		if _, err := b.Rotate(ctx, "acme", e.ID, 0); err != nil {
			t.Fatal(err)
		}
		if target, _ = b.Target(ctx, "acme", e.ID); len(target.Secrets) != 1 {
			t.Errorf("without an overlap %d secrets sign", len(target.Secrets))
		}

		if _, err := b.Change(ctx, "acme", e.ID, &tasks.EndpointDraft{Disabled: new(true)}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Target(ctx, "acme", e.ID); tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("target of a disabled endpoint: %v", err)
		}
		if err := b.Remove(ctx, "acme", e.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := b.Endpoints(ctx, "acme"); err != nil || len(list) != 0 {
			t.Errorf("after removal: %v, %v", list, err)
		}
	})
}

// Whoever rotates twice, because the first answer was lost, keeps the secret that
// receivers have; and one that cannot be opened any more is in nobody's way.
func TestRotationKeepsWhatReceiversHave(t *testing.T) {
	rdb, mine := redistest.Embedded(t), webhook.NewSecret()
	b, ctx := open(t, rdb, mine), t.Context()
	e := register(t, b, "acme")
	for range maxOldSecrets + 2 {
		if _, err := b.Rotate(ctx, "acme", e.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
		target, err := b.Target(ctx, "acme", e.ID)
		if err != nil || len(target.Secrets) > 1+maxOldSecrets {
			t.Fatalf("%d secrets sign, %v", len(target.Secrets), err)
		}
		if len(target.Secrets) <= maxOldSecrets && target.Secrets[len(target.Secrets)-1].Reveal() != e.Secret {
			t.Errorf("after %d rotations the first secret signs no more", len(target.Secrets)-1)
		}
	}
	stranger := open(t, rdb)
	if _, err := stranger.Target(ctx, "acme", e.ID); err == nil {
		t.Fatal("it opens with a stranger's secret")
	}
	rotated, err := stranger.Rotate(ctx, "acme", e.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if target, err := stranger.Target(ctx, "acme", e.ID); err != nil || len(target.Secrets) != 1 || target.Secrets[0].Reveal() != rotated.Secret {
		t.Errorf("after the rotation that the error asks for: %+v, %v", target, err)
	}
}

func TestSecretsAreNotReadableInRedis(t *testing.T) {
	rdb := redistest.Embedded(t)
	mine := webhook.NewSecret()
	e := register(t, open(t, rdb, mine), "acme")
	for _, raw := range rdb.HGetAll(t.Context(), recordsKey("acme")).Val() {
		if strings.Contains(raw, strings.TrimPrefix(e.Secret, "whsec_")[:12]) {
			t.Errorf("the secret stands in %s", raw)
		}
	}
	// While the installation's own secret is rotated both open.
	if target, err := open(t, rdb, webhook.NewSecret(), mine).Target(t.Context(), "acme", e.ID); err != nil || target.Secrets[0].Reveal() != e.Secret {
		t.Errorf("with the old secret second: %v", err)
	}
	if _, err := open(t, rdb).Target(t.Context(), "acme", e.ID); err == nil {
		t.Error("it opens with a stranger's secret")
	}
}

func TestTenantsAreApart(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	ctx, e := t.Context(), register(t, b, "acme")
	for name, err := range map[string]error{
		"look":   second(b.Endpoint(ctx, "other", e.ID)),
		"change": second(b.Change(ctx, "other", e.ID, &tasks.EndpointDraft{Disabled: new(true)})),
		"rotate": second(b.Rotate(ctx, "other", e.ID, 0)),
		"remove": b.Remove(ctx, "other", e.ID),
		"target": second(b.Target(ctx, "other", e.ID)),
	} {
		if tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if ids, err := b.Subscribed(ctx, "other", tasks.EventSucceeded); err != nil || len(ids) > 0 {
		t.Errorf("subscribed: %v, %v", ids, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestEveryFaultOfADraftIsNamed(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	_, err := b.Register(t.Context(), "acme", &tasks.EndpointDraft{
		URL: new("http://127.0.0.1/"), Description: new(strings.Repeat("长", 201)), Events: []tasks.EventType{"job.ended"},
	})
	e, ok := errors.AsType[*tasks.Error](err)
	if !ok || len(e.Faults) != 3 {
		t.Errorf("got %v", err)
	}
}

// Racing registrations do not exceed what a tenant may have, and racing changes
// lose nothing.
func TestChangesRace(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	var wg sync.WaitGroup
	for range 2 * maxEndpoints {
		wg.Go(func() { _, _ = b.Register(context.Background(), "acme", &tasks.EndpointDraft{URL: new(url)}) })
	}
	wg.Wait()
	list, err := b.Endpoints(t.Context(), "acme")
	if err != nil || len(list) != maxEndpoints {
		t.Fatalf("%d endpoints, %v; want %d", len(list), err, maxEndpoints)
	}
	wg.Go(func() {
		_, _ = b.Change(context.Background(), "acme", list[0].ID, &tasks.EndpointDraft{Description: new("mine")})
	})
	wg.Go(func() { _, _ = b.Rotate(context.Background(), "acme", list[0].ID, time.Hour) })
	wg.Go(func() {
		_, _ = b.Change(context.Background(), "acme", list[1].ID, &tasks.EndpointDraft{Description: new("gone")})
	})
	if err := b.Remove(t.Context(), "acme", list[1].ID); err != nil {
		t.Errorf("remove: %v", err)
	}
	wg.Wait()
	if _, err := b.Endpoint(t.Context(), "acme", list[1].ID); tasks.CodeOf(err) != tasks.CodeNotFound {
		t.Errorf("an endpoint that was changed while it was removed: got %v", err)
	}
	target, err := b.Target(t.Context(), "acme", list[0].ID)
	if e, _ := b.Endpoint(t.Context(), "acme", list[0].ID); err != nil || e.Description != "mine" || len(target.Secrets) != 2 {
		t.Errorf("after a change and a rotation at once: %+v, %v", e, err)
	}
}

func TestAnEndpointIsToldWhatItAskedFor(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	if got, err := b.Subscribed(t.Context(), "acme", tasks.EventSucceeded); err != nil || len(got) > 0 {
		t.Errorf("before there are endpoints: got %v, %v", got, err)
	}
	// From the moment it is registered; nothing is remembered from before.
	ends, all := register(t, b, "acme"), register(t, b, "acme", tasks.EventRunning, tasks.EventSucceeded)
	for typ, want := range map[tasks.EventType][]string{
		tasks.EventSucceeded: {ends.ID, all.ID}, tasks.EventRunning: {all.ID}, tasks.EventQueued: nil,
	} {
		slices.Sort(want)
		if got, err := b.Subscribed(t.Context(), "acme", typ); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", typ, got, err, want)
		}
	}
}
