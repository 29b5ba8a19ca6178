package fuzzapi

import (
	"slices"
	"strings"
)

// Callers are the credentials of one round. They are of two tenants that nothing
// else uses.
type Callers struct {
	Full  string    // of the first tenant, with every scope
	Poor  []Limited // of the first tenant, with few
	Other string    // of the second tenant, with every scope but those of operators
	Dead  string    // of the first tenant, revoked
	Tries []string  // IDs of deliveries in the first tenant's log
}

// Limited is a credential with a few scopes.
type Limited struct {
	Token  string
	Scopes []string
}

// who is what kind of caller sends a request.
type who int

const (
	good   who = iota // may do everything
	nobody            // shows no credential that counts
	poor              // lacks a scope
	other             // is of another tenant
)

// credential is an Authorization header, and what it makes of its sender.
type credential struct {
	who
	name   string
	header string // "": none
}

// credential draws a caller for an operation that needs these scopes.
func (r *round) credential(scopes []string) credential {
	switch n := r.IntN(100); {
	case n < 68:
		return credential{good, "good", "Bearer " + r.callers.Full}
	case n < 74:
		return credential{nobody, "none", ""}
	case n < 84:
		return credential{nobody, "bad", r.badCredential()}
	case n < 92:
		for _, p := range r.callers.Poor {
			if slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(p.Scopes, s) }) {
				return credential{poor, "missing scope", "Bearer " + p.Token}
			}
		}
		fallthrough
	default:
		return credential{other, "other tenant", "Bearer " + r.callers.Other}
	}
}

// badCredential draws an Authorization header that does not count.
func (r *round) badCredential() string {
	full := r.callers.Full
	return pick(r.Rand, []string{
		"Bearer " + r.callers.Dead,
		"Bearer " + full[:len(full)-1],
		"Bearer " + full + "x",
		"Bearer " + strings.ToUpper(full),
		"Bearer " + full[:20] + strings.Repeat("a", len(full)-20),
		"Basic " + full,
		full,
		"Bearer",
		"Bearer  \t",
		"Bearer " + full + ", Bearer " + full,
		"Bearer " + full + "\r\nAuthorization: Bearer " + full,
		"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
		"Bearer " + strings.Repeat("A", 9000),
		"Bearer spw_live__",
		"Bearer spw_\x80\xff_a_b",
		"Bearer ../../../etc/passwd",
		"Digest username=\"x\"",
	})
}
