package endpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

// keyring is what signs a tenant's callbacks, as Redis keeps it.
type keyring struct {
	CreatedAt    time.Time `json:"created_at"`
	OldSecretEnd time.Time `json:"old_secret_until,omitzero"`
	Secrets      []sealed  `json:"secrets"`               // the newest first
	SharedUntil  time.Time `json:"shared_until,omitzero"` // when the installation's secret ceases to sign, too; zero: when the operator says so

	raw string // as it was read; "" for one that is new
}

// keyringField is the field of a tenant's keyring.
const keyringField = "callbacks"

// sealedFor names what a tenant's secret is sealed for; no endpoint has such an ID.
func sealedFor(tenant string) string { return "tenant " + tenant }

// Signing returns what signs a tenant's callbacks, the newest secret first. The
// first is made when it is first asked for. webhook.ErrNoSecret when the newest
// cannot be opened.
func (b *Book) Signing(ctx context.Context, tenant string) ([]webhook.Secret, error) {
	k, err := b.keyring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	secrets, old, err := b.unseal(sealedFor(tenant), k.Secrets)
	if err != nil {
		return nil, err
	}
	if b.sharing(k) {
		secrets = append(secrets, b.shared...)
	}
	if old {
		err = b.resealKeyring(ctx, tenant, k)
	}
	return secrets, err
}

// Secret shows what signs a tenant's callbacks. CodeConflict when it cannot be
// opened.
func (b *Book) Secret(ctx context.Context, tenant string) (*tasks.SigningSecret, error) {
	k, err := b.keyring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	secrets, _, err := b.unseal(sealedFor(tenant), k.Secrets)
	if err != nil {
		return nil, tasks.Errorf(tasks.CodeConflict, "The secret cannot be opened any more, and nothing is sent to callback URLs; rotate it with POST /webhooks/secret.").WithCause(err)
	}
	return b.secretOf(tenant, k, secrets[0].Reveal()), nil
}

// RotateSecret gives a tenant a new secret for its callbacks. Those that signed
// until now, the installation's own among them, go on signing beside it for the
// overlap, or until their own time is over.
func (b *Book) RotateSecret(ctx context.Context, tenant string, overlap time.Duration) (*tasks.SigningSecret, error) {
	if err := checkOverlap(overlap); err != nil {
		return nil, err
	}
	id, secret := sealedFor(tenant), webhook.NewSecret().Reveal()
	for range 10 {
		k, err := b.keyring(ctx, tenant)
		if err != nil {
			return nil, err
		}
		k.CreatedAt, k.OldSecretEnd = now(), now().Add(overlap)
		k.Secrets = append([]sealed{{Box: b.seals.seal(id, secret)}}, b.phaseOut(id, k.Secrets, k.OldSecretEnd)...)
		if k.SharedUntil.IsZero() {
			k.SharedUntil = k.OldSecretEnd
		}
		if err = b.replaceKeyring(ctx, tenant, k); !errors.Is(err, errChanged) {
			return b.secretOf(tenant, k, secret), err
		}
	}
	return nil, tasks.Errorf(tasks.CodeConflict, "the secret is being rotated by others; try again")
}

func (b *Book) secretOf(tenant string, k *keyring, secret string) *tasks.SigningSecret {
	return &tasks.SigningSecret{Tenant: tenant, Secret: secret, CreatedAt: k.CreatedAt, OldSecretEnd: k.OldSecretEnd, Shared: b.sharing(k)}
}

// sharing reports whether the installation's secret signs a tenant's callbacks.
func (b *Book) sharing(k *keyring) bool {
	return len(b.shared) > 0 && (k.SharedUntil.IsZero() || k.SharedUntil.After(now()))
}

// keyring reads a tenant's keyring, and makes it if there is none.
func (b *Book) keyring(ctx context.Context, tenant string) (*keyring, error) {
	k, err := b.findKeyring(ctx, tenant)
	if k != nil || err != nil {
		return k, err
	}
	k = &keyring{CreatedAt: now(), Secrets: []sealed{{Box: b.seals.seal(sealedFor(tenant), webhook.NewSecret().Reveal())}}}
	if err := b.replaceKeyring(ctx, tenant, k); !errors.Is(err, errChanged) {
		return k, err
	}
	return b.findKeyring(ctx, tenant) // another has made it
}

// findKeyring reads a tenant's keyring, nil if there is none.
func (b *Book) findKeyring(ctx context.Context, tenant string) (*keyring, error) {
	raw, err := b.rdb.HGet(ctx, secretKey(tenant), keyringField).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil //nolint:nilnil // that there is none is no error
	}
	if err != nil {
		return nil, away(err)
	}
	k := &keyring{raw: raw}
	if err := json.Unmarshal([]byte(raw), k); err != nil {
		return nil, fmt.Errorf("decode the secret of tenant %s: %w", tenant, err)
	}
	return k, nil
}

// replaceKeyring writes a keyring; errChanged if it is not as it was read.
func (b *Book) replaceKeyring(ctx context.Context, tenant string, k *keyring) error {
	next, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode the secret of tenant %s: %w", tenant, err)
	}
	verdict, err := replaceScript.Run(ctx, b.rdb, []string{secretKey(tenant)}, keyringField, k.raw, next, 1).Text()
	switch {
	case err != nil:
		return away(err)
	case verdict != "ok":
		return errChanged
	}
	k.raw = string(next)
	return nil
}
