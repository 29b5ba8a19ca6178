package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Key describes an API key: everything but its secret.
type Key struct {
	ID         string         `json:"id"`
	Prefix     string         `json:"prefix"`                // how the key begins
	Last4      string         `json:"last4"`                 // how it ends
	Env        string         `json:"env"`                   // distinguishes live keys from test keys; nothing else depends on it
	Name       string         `json:"name,omitempty"`        // for people
	Tenant     string         `json:"tenant"`                //
	Scopes     []Scope        `json:"scopes"`                //
	AllowIPs   []netip.Prefix `json:"allow_ips,omitempty"`   // where it may be used from; none: anywhere
	Rate       *Rate          `json:"rate,omitempty"`        // its own; nil: the installation's
	CreatedAt  time.Time      `json:"created_at"`            //
	CreatedBy  string         `json:"created_by,omitempty"`  // who made it
	Replaces   string         `json:"replaces,omitempty"`    // the ID of the key that this one was made to replace
	ExpiresAt  time.Time      `json:"expires_at,omitzero"`   // zero: never
	LastUsedAt time.Time      `json:"last_used_at,omitzero"` // to the minute
	RevokedAt  time.Time      `json:"revoked_at,omitzero"`   //
}

// Active reports whether the key can be used at a time.
func (k Key) Active(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// check reports everything that is wrong with a new key.
func (k Key) check() error {
	var errs []error
	if !ValidTenant(k.Tenant) {
		errs = append(errs, fmt.Errorf("tenant %q: want 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or a digit", k.Tenant))
	}
	if !envPattern.MatchString(k.Env) {
		errs = append(errs, fmt.Errorf("env %q: want 1 to 12 lower-case letters and digits", k.Env))
	}
	if len(k.Scopes) == 0 {
		errs = append(errs, errors.New("scopes: name at least one; a key without any can do nothing"))
	}
	for _, s := range k.Scopes {
		if !s.Valid() {
			errs = append(errs, fmt.Errorf("scope %q is unknown", s))
		}
	}
	if len(k.Name) > maxName || strings.ContainsFunc(k.Name, func(c rune) bool { return c < ' ' }) {
		errs = append(errs, fmt.Errorf("name: want at most %d characters, on one line", maxName))
	}
	return errors.Join(errs...)
}

const maxName = 100

// record is a key as Redis holds it.
type record struct {
	Key
	hash [sha256.Size]byte
}

// The fields of a record.
const (
	fieldHash      = "hash" // SHA-256 of the whole key, in hex
	fieldLast4     = "last4"
	fieldEnv       = "env"
	fieldName      = "name"
	fieldTenant    = "tenant"
	fieldScopes    = "scopes"    // separated by spaces
	fieldAllowIPs  = "allow_ips" // separated by spaces
	fieldRate      = "rate"      // "" for the installation's
	fieldCreatedAt = "created_at"
	fieldCreatedBy = "created_by"
	fieldReplaces  = "replaces"
	fieldExpiresAt = "expires_at" // times are Unix ms; "" for never
	fieldLastUsed  = "last_used_at"
	fieldRevokedAt = "revoked_at"
)

// fields lists the names and values of a new record.
func (r record) fields() []any {
	rate := ""
	if r.Rate != nil {
		rate = r.Rate.String()
	}
	var networks []string
	for _, n := range r.AllowIPs {
		networks = append(networks, n.String())
	}
	return []any{
		fieldHash, hex.EncodeToString(r.hash[:]), fieldLast4, r.Last4, fieldEnv, r.Env, fieldName, r.Name,
		fieldTenant, r.Tenant, fieldScopes, joinScopes(r.Scopes, " "), fieldAllowIPs, strings.Join(networks, " "), fieldRate, rate,
		fieldCreatedAt, writeTime(r.CreatedAt), fieldCreatedBy, r.CreatedBy, fieldReplaces, r.Replaces, fieldExpiresAt, writeTime(r.ExpiresAt),
	}
}

// readRecord reads a record from Redis. A record that cannot be read in full is an
// error: to ignore, say, a network would admit callers from elsewhere.
func readRecord(id string, h map[string]string) (record, error) {
	r := record{Key: Key{
		ID: id, Env: h[fieldEnv], Last4: h[fieldLast4], Name: h[fieldName], Tenant: h[fieldTenant],
		CreatedBy: h[fieldCreatedBy], Replaces: h[fieldReplaces],
	}}
	r.Prefix = tokenPrefix + r.Env + "_" + id
	fault := func(field string, err error) error { return fmt.Errorf("API key %s: %s: %w", id, field, err) }
	hash, err := hex.DecodeString(h[fieldHash])
	if err != nil || len(hash) != len(r.hash) {
		return r, fault(fieldHash, errors.New("not a SHA-256"))
	}
	copy(r.hash[:], hash)
	if r.Scopes, err = ParseScopes(h[fieldScopes]); err != nil {
		return r, fault(fieldScopes, err)
	}
	if r.AllowIPs, err = ParseNetworks(h[fieldAllowIPs]); err != nil {
		return r, fault(fieldAllowIPs, err)
	}
	if text := h[fieldRate]; text != "" {
		rate, err := ParseRate(text)
		if err != nil {
			return r, fault(fieldRate, err)
		}
		r.Rate = &rate
	}
	for field, at := range map[string]*time.Time{
		fieldCreatedAt: &r.CreatedAt, fieldExpiresAt: &r.ExpiresAt, fieldLastUsed: &r.LastUsedAt, fieldRevokedAt: &r.RevokedAt,
	} {
		if *at, err = readTime(h[field]); err != nil {
			return r, fault(field, err)
		}
	}
	return r, nil
}

func writeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}
