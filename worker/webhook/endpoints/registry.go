// Package endpoints holds the webhook endpoints of tenants: URLs, secrets, and
// whether they still answer; and the log of every try to reach them. All of it is
// in Redis, separate for each tenant.
package endpoints

import (
	"context"
	"crypto/rand"
	_ "embed" // for the scripts
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

const (
	// maxEndpoints is how many endpoints a tenant may have.
	maxEndpoints = 20
	// Overlap is how long the secret before a rotation goes on signing, unless the
	// owner says otherwise, and maxOverlap the longest that may be asked for.
	Overlap    = 24 * time.Hour
	maxOverlap = 7 * 24 * time.Hour
	// maxOldSecrets is how many older secrets sign at most.
	maxOldSecrets = 4
	// maxDescription is in characters.
	maxDescription = 200
)

var (
	//go:embed lua/replace.lua
	replaceSource string
	//go:embed lua/failed.lua
	failedSource string

	replaceScript = redis.NewScript(replaceSource)
	failedScript  = redis.NewScript(failedSource)
)

// Registry is the register of endpoints and the log of deliveries. It is safe for
// concurrent use.
type Registry struct {
	rdb    redis.UniversalClient
	seals  sealer
	shared []webhook.Secret // that sign callbacks in addition to the tenants' own
	check  func(url string) error
}

// Config configures a Registry.
type Config struct {
	// Secrets are the installation's own. The first seals those of tenants and
	// endpoints, all open them.
	Secrets []webhook.Secret
	// Shared has them sign callbacks in addition to the tenants' own.
	Shared bool
	// CheckURL says what is wrong with the URL of an endpoint.
	CheckURL func(url string) error
}

// Open returns the Registry on rdb.
func Open(rdb redis.UniversalClient, cfg Config) (*Registry, error) {
	keys := make([]string, len(cfg.Secrets))
	for i, s := range cfg.Secrets {
		keys[i] = s.Reveal()
	}
	seals, err := newSealer(keys)
	if err != nil {
		return nil, err
	}
	b := &Registry{rdb: rdb, seals: seals, check: cfg.CheckURL}
	if cfg.Shared {
		b.shared = cfg.Secrets
	}
	return b, nil
}

// Register creates an endpoint, and returns its secret, which is never shown again.
func (reg *Registry) Register(ctx context.Context, tenant string, d *tasks.EndpointDraft) (*tasks.Endpoint, error) {
	r := &record{Endpoint: tasks.Endpoint{
		ID: "ep_" + strings.ToLower(rand.Text()), Tenant: tenant, CreatedAt: now(),
		Events: []tasks.EventType{tasks.EventSucceeded, tasks.EventFailed, tasks.EventCanceled},
	}}
	if d.URL == nil {
		return nil, faulty(tasks.Fault{Pointer: "/url", Detail: "is required"})
	}
	if err := reg.apply(r, d); err != nil {
		return nil, err
	}
	secret := webhook.NewSecret().Reveal()
	r.Secrets = []sealed{{Box: reg.seals.seal(r.ID, secret)}}
	if err := reg.replace(ctx, r); err != nil {
		return nil, err
	}
	e := reg.shown(r)
	e.Secret = secret
	return e, nil
}

// Endpoints lists a tenant's endpoints, the oldest first.
func (reg *Registry) Endpoints(ctx context.Context, tenant string) ([]*tasks.Endpoint, error) {
	records, err := reg.records(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list := make([]*tasks.Endpoint, len(records))
	for i, r := range records {
		list[i] = reg.shown(r)
	}
	slices.SortFunc(list, func(a, b *tasks.Endpoint) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// Endpoint returns one endpoint of a tenant. CodeNotFound if there is none.
func (reg *Registry) Endpoint(ctx context.Context, tenant, id string) (*tasks.Endpoint, error) {
	r, err := reg.record(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return reg.shown(r), nil
}

// Change changes an endpoint. To enable one that was disabled also forgets that
// it has failed.
func (reg *Registry) Change(ctx context.Context, tenant, id string, d *tasks.EndpointDraft) (*tasks.Endpoint, error) {
	return reg.update(ctx, tenant, id, func(r *record) error {
		if err := reg.apply(r, d); err != nil {
			return err
		}
		if d.Disabled != nil && !*d.Disabled {
			r.FailingSince = time.Time{}
			return unavailable(reg.rdb.HDel(ctx, failingKey(tenant), id).Err())
		}
		return nil
	})
}

// Remove forgets an endpoint. What is queued for it is dropped.
func (reg *Registry) Remove(ctx context.Context, tenant, id string) error {
	if _, err := reg.record(ctx, tenant, id); err != nil {
		return err
	}
	_, err := reg.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HDel(ctx, recordsKey(tenant), id)
		p.HDel(ctx, failingKey(tenant), id)
		return nil
	})
	return unavailable(err)
}

// Rotate gives an endpoint a new secret, which is never shown again. Those that signed until
// now go on signing for the overlap, or until their own time is over: a
// caller that never got the new secret, and so asks for another, breaks nothing.
func (reg *Registry) Rotate(ctx context.Context, tenant, id string, overlap time.Duration) (*tasks.Endpoint, error) {
	if err := checkOverlap(overlap); err != nil {
		return nil, err
	}
	secret := webhook.NewSecret().Reveal()
	e, err := reg.update(ctx, tenant, id, func(r *record) error {
		r.OldSecretEnd = now().Add(overlap)
		r.Secrets = append([]sealed{{Box: reg.seals.seal(id, secret)}}, reg.phaseOut(id, r.Secrets, r.OldSecretEnd)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.Secret = secret
	return e, nil
}

func checkOverlap(d time.Duration) error {
	if d < 0 || d > maxOverlap {
		return faulty(tasks.Fault{Pointer: "/overlap_seconds", Detail: "must be from 0 to 604800 (7 days)"})
	}
	return nil
}

// phaseOut returns the secrets, sealed for an ID, that go on signing with a new
// one until end. One that cannot be opened any more signs nothing.
func (reg *Registry) phaseOut(id string, secrets []sealed, end time.Time) []sealed {
	var old []sealed
	for _, s := range signing(secrets, now()) {
		if _, _, err := reg.seals.open(id, s.Box); err != nil {
			continue
		}
		if s.Until.IsZero() || s.Until.After(end) {
			s.Until = end
		}
		old = append(old, s)
	}
	return old[:min(len(old), maxOldSecrets)]
}

// apply changes a record as a draft asks, and returns every fault at once.
func (reg *Registry) apply(r *record, d *tasks.EndpointDraft) error {
	var faults []tasks.Fault
	if d.URL != nil {
		if err := reg.check(*d.URL); err != nil {
			faults = append(faults, tasks.Fault{Pointer: "/url", Detail: err.Error()})
		}
		r.URL = *d.URL
	}
	if d.Description != nil {
		if len([]rune(*d.Description)) > maxDescription {
			faults = append(faults, tasks.Fault{Pointer: "/description", Detail: "is longer than 200 characters"})
		}
		r.Description = *d.Description
	}
	for i, typ := range d.Events {
		if !slices.Contains(tasks.EndpointEvents(), typ) {
			faults = append(faults, tasks.Fault{Pointer: "/events/" + strconv.Itoa(i), Detail: fmt.Sprintf("must be one of %v", tasks.EndpointEvents())})
		}
	}
	if len(d.Events) > 0 {
		r.Events = d.Events
	}
	if d.Disabled != nil {
		r.Disabled, r.DisabledAt = "", time.Time{}
		if *d.Disabled {
			r.Disabled, r.DisabledAt = tasks.DisabledByOwner, now()
		}
	}
	if len(faults) > 0 {
		return faulty(faults...)
	}
	return nil
}

func faulty(faults ...tasks.Fault) error {
	e := tasks.Errorf(tasks.CodeInvalid, "The endpoint is not valid; see the faults.")
	e.Faults = faults
	return e
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return tasks.Errorf(tasks.CodeUnavailable, "Webhook endpoints are unavailable; try again shortly.").WithCause(err)
}
