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
func (reg *Registry) Signing(ctx context.Context, tenant string) ([]webhook.Secret, error) {
	k, err := reg.keyring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	secrets, old, err := reg.unseal(sealedFor(tenant), k.Secrets)
	if err != nil {
		return nil, err
	}
	if reg.sharing(k) {
		secrets = append(secrets, reg.shared...)
	}
	if old {
		err = reg.resealKeyring(ctx, tenant, k)
	}
	return secrets, err
}

// Secret shows what signs a tenant's callbacks. CodeConflict when it cannot be
// opened.
func (reg *Registry) Secret(ctx context.Context, tenant string) (*tasks.SigningSecret, error) {
	k, err := reg.keyring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	secrets, _, err := reg.unseal(sealedFor(tenant), k.Secrets)
	if err != nil {
		return nil, tasks.Errorf(tasks.CodeConflict, "The secret cannot be opened any more, and nothing is sent to callback URLs; rotate it with POST /webhooks/secret.").WithCause(err)
	}
	return reg.secretOf(tenant, k, secrets[0].Reveal()), nil
}

// RotateSecret gives a tenant a new secret for its callbacks. Those that signed
// until now, the installation's own among them, go on signing for the
// overlap, or until their own time is over.
func (reg *Registry) RotateSecret(ctx context.Context, tenant string, overlap time.Duration) (*tasks.SigningSecret, error) {
	if err := checkOverlap(overlap); err != nil {
		return nil, err
	}
	id, secret := sealedFor(tenant), webhook.NewSecret().Reveal()
	for range 10 {
		k, err := reg.keyring(ctx, tenant)
		if err != nil {
			return nil, err
		}
		k.CreatedAt, k.OldSecretEnd = now(), now().Add(overlap)
		k.Secrets = append([]sealed{{Box: reg.seals.seal(id, secret)}}, reg.phaseOut(id, k.Secrets, k.OldSecretEnd)...)
		if k.SharedUntil.IsZero() {
			k.SharedUntil = k.OldSecretEnd
		}
		if err = reg.replaceKeyring(ctx, tenant, k); !errors.Is(err, errChanged) {
			return reg.secretOf(tenant, k, secret), err
		}
	}
	return nil, tasks.Errorf(tasks.CodeConflict, "the secret is being rotated by others; try again")
}

func (reg *Registry) secretOf(tenant string, k *keyring, secret string) *tasks.SigningSecret {
	return &tasks.SigningSecret{Tenant: tenant, Secret: secret, CreatedAt: k.CreatedAt, OldSecretEnd: k.OldSecretEnd, Shared: reg.sharing(k)}
}

// sharing reports whether the installation's secret signs a tenant's callbacks.
func (reg *Registry) sharing(k *keyring) bool {
	return len(reg.shared) > 0 && (k.SharedUntil.IsZero() || k.SharedUntil.After(now()))
}

// keyring reads a tenant's keyring, and makes it if there is none.
func (reg *Registry) keyring(ctx context.Context, tenant string) (*keyring, error) {
	k, err := reg.findKeyring(ctx, tenant)
	if k != nil || err != nil {
		return k, err
	}
	k = &keyring{CreatedAt: now(), Secrets: []sealed{{Box: reg.seals.seal(sealedFor(tenant), webhook.NewSecret().Reveal())}}}
	if err := reg.replaceKeyring(ctx, tenant, k); !errors.Is(err, errChanged) {
		return k, err
	}
	return reg.findKeyring(ctx, tenant) // another has made it
}

// findKeyring reads a tenant's keyring, nil if there is none.
func (reg *Registry) findKeyring(ctx context.Context, tenant string) (*keyring, error) {
	raw, err := reg.rdb.HGet(ctx, secretKey(tenant), keyringField).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil //nolint:nilnil // that there is none is no error
	}
	if err != nil {
		return nil, unavailable(err)
	}
	k := &keyring{raw: raw}
	if err := json.Unmarshal([]byte(raw), k); err != nil {
		return nil, fmt.Errorf("decode the secret of tenant %s: %w", tenant, err)
	}
	return k, nil
}

// replaceKeyring writes a keyring; errChanged if it is not as it was read.
func (reg *Registry) replaceKeyring(ctx context.Context, tenant string, k *keyring) error {
	next, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode the secret of tenant %s: %w", tenant, err)
	}
	if k.raw == "" {
		if err := reg.addOwner(ctx, tenant); err != nil {
			return err
		}
	}
	verdict, err := replaceScript.Run(ctx, reg.rdb, []string{secretKey(tenant)}, keyringField, k.raw, next, 1).Text()
	switch {
	case err != nil:
		return unavailable(err)
	case verdict != "ok":
		return errChanged
	}
	k.raw = string(next)
	return nil
}
