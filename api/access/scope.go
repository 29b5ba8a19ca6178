package access

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is a permission. Scopes cross the wire in tokens and in the contract;
// they are stable and never reused.
type Scope string

// The scopes.
const (
	JobsRead      Scope = "jobs:read"      // read and follow jobs
	JobsWrite     Scope = "jobs:write"     // submit and retry jobs
	JobsCancel    Scope = "jobs:cancel"    // cancel jobs
	AgentsRead    Scope = "agents:read"    // read the agents
	WebhooksRead  Scope = "webhooks:read"  // read endpoints and deliveries
	WebhooksWrite Scope = "webhooks:write" // change endpoints, redeliver
	AdminRead     Scope = "admin:read"     // read the installation: queues, keys, audit log
	AdminWrite    Scope = "admin:write"    // change it
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{JobsRead, JobsWrite, JobsCancel, AgentsRead, WebhooksRead, WebhooksWrite, AdminRead, AdminWrite}
}

// Valid reports whether s is one of the known scopes.
func (s Scope) Valid() bool { return slices.Contains(Scopes(), s) }

// Role is a named set of scopes. A key has the scopes that its role had when the key
// was made.
type Role string

// The roles.
const (
	Viewer    Role = "viewer"    // reads
	Submitter Role = "submitter" // submits jobs: what a program that uses Spillway needs
	// Integrator sets up webhooks, and reads and rotates their signing secrets.
	Integrator Role = "integrator"
	Operator   Role = "operator" // everything, including the installation
)

// Roles lists every role.
func Roles() []Role { return []Role{Viewer, Submitter, Integrator, Operator} }

// Scopes lists the scopes of the role, none if there is no such role.
func (r Role) Scopes() []Scope {
	switch r {
	case Viewer:
		return []Scope{JobsRead, AgentsRead, WebhooksRead}
	case Submitter:
		return []Scope{JobsRead, JobsWrite, JobsCancel, AgentsRead}
	case Integrator:
		return []Scope{WebhooksRead, WebhooksWrite}
	case Operator:
		return Scopes()
	}
	return nil
}

// ParseScopes reads scopes separated by spaces, as RFC 6749 §3.3 has them. Its error names those
// that do not exist.
func ParseScopes(list string) ([]Scope, error) {
	var scopes []Scope
	var unknown []string
	for name := range strings.FieldsSeq(list) {
		if s := Scope(name); s.Valid() {
			scopes = append(scopes, s)
		} else {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown scope %s; the scopes are %s", strings.Join(unknown, ", "), joinScopes(Scopes(), ", "))
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), nil
}

func splitList(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ' ' || c == ',' })
}

func joinScopes(scopes []Scope, separator string) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, separator)
}
