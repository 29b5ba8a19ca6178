package endpoints

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

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

// signing lists the secrets that sign now.
func (r *record) signing(now time.Time) []sealed {
	return slices.DeleteFunc(slices.Clone(r.Secrets), func(s sealed) bool { return !s.Until.IsZero() && !s.Until.After(now) })
}

// wants reports whether the endpoint is to be told of such an event.
func (r *record) wants(typ tasks.EventType) bool {
	return r.Disabled == "" && slices.Contains(r.Events, typ)
}

// shown is the endpoint as its owner sees it.
func (r *record) shown() *tasks.Endpoint {
	e := r.Endpoint
	return &e
}
