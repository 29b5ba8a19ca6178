package endpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// record is an endpoint as Redis keeps it.
type record struct {
	tasks.Endpoint
	Secrets []sealed `json:"secrets"` // the newest first

	raw string // as it was read; "" for one that is new
}

// sealed is a secret that only an installation can open.
type sealed struct {
	Box   string    `json:"box"`
	Until time.Time `json:"until,omitzero"` // when it ceases to sign; zero: never
}

func decodeRecord(raw string) (*record, error) {
	r := &record{raw: raw}
	if err := json.Unmarshal([]byte(raw), r); err != nil {
		return nil, fmt.Errorf("decode endpoint: %w", err)
	}
	return r, nil
}

func (r *record) encode() (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode endpoint: %w", err)
	}
	return string(b), nil
}

// signing lists those of the secrets that sign now.
func signing(secrets []sealed, now time.Time) []sealed {
	return slices.DeleteFunc(slices.Clone(secrets), func(s sealed) bool { return !s.Until.IsZero() && !s.Until.After(now) })
}

// wants reports whether the endpoint subscribes to such events.
func (r *record) wants(typ tasks.EventType) bool {
	return r.Disabled == "" && slices.Contains(r.Events, typ)
}

// shown is the endpoint as its owner sees it.
func (reg *Registry) shown(r *record) *tasks.Endpoint {
	e := r.Endpoint
	_, _, err := reg.unseal(r.ID, r.Secrets)
	e.SecretLost = err != nil
	return &e
}

func (reg *Registry) record(ctx context.Context, tenant, id string) (*record, error) {
	r, err := reg.find(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return r, reg.addHealth(ctx, tenant, r)
}

// find is record without how the endpoint does.
func (reg *Registry) find(ctx context.Context, tenant, id string) (*record, error) {
	raw, err := reg.rdb.HGet(ctx, recordsKey(tenant), id).Result()
	if errors.Is(err, redis.Nil) {
		return nil, tasks.Errorf(tasks.CodeNotFound, "there is no such endpoint; GET /webhooks/endpoints lists them")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return decodeRecord(raw)
}

func (reg *Registry) records(ctx context.Context, tenant string) ([]*record, error) {
	all, err := reg.rdb.HGetAll(ctx, recordsKey(tenant)).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	var records []*record
	for _, raw := range all {
		r, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, reg.addHealth(ctx, tenant, records...)
}

// addHealth fills in since when endpoints have failed.
func (reg *Registry) addHealth(ctx context.Context, tenant string, records ...*record) error {
	if len(records) == 0 {
		return nil
	}
	failing, err := reg.rdb.HGetAll(ctx, failingKey(tenant)).Result()
	if err != nil {
		return unavailable(err)
	}
	for _, r := range records {
		if ms, err := strconv.ParseInt(failing[r.ID], 10, 64); err == nil {
			r.FailingSince = time.UnixMilli(ms).UTC()
		}
	}
	return nil
}

// update reads, changes and writes an endpoint, again if another was faster.
func (reg *Registry) update(ctx context.Context, tenant, id string, change func(*record) error) (*tasks.Endpoint, error) {
	for range 10 {
		r, err := reg.record(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		if err := change(r); err != nil {
			return nil, err
		}
		err = reg.replace(ctx, r)
		if !errors.Is(err, errChanged) {
			return reg.shown(r), err
		}
	}
	return nil, tasks.Errorf(tasks.CodeConflict, "the endpoint is being changed by others; try again")
}

var errChanged = errors.New("changed meanwhile")

func (reg *Registry) replace(ctx context.Context, r *record) error {
	stored := *r
	stored.FailingSince, stored.SecretLost = time.Time{}, false // are not of the record
	next, err := stored.encode()
	if err != nil {
		return err
	}
	if r.raw == "" {
		if err := reg.addOwner(ctx, r.Tenant); err != nil {
			return err
		}
	}
	verdict, err := replaceScript.Run(ctx, reg.rdb, []string{recordsKey(r.Tenant)}, r.ID, r.raw, next, maxEndpoints).Text()
	switch {
	case err != nil:
		return unavailable(err)
	case verdict == "changed":
		return errChanged
	case verdict == "full":
		return tasks.Errorf(tasks.CodeConflict, "a tenant may have %d endpoints; remove one first", maxEndpoints)
	}
	return nil
}
