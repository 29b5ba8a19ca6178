package access

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Method is how a caller was authenticated.
type Method string

// The methods.
const (
	ByNobody Method = "none" // authentication is off, or the route is public
	ByKey    Method = "key"  // an API key
	ByToken  Method = "jwt"  // a JSON Web Token
)

// Principal is the caller of a request. It has no secret and may be logged.
type Principal struct {
	Tenant  string     // "" on public routes
	Method  Method     //
	Subject string     // the ID of the key, or the token's subject; "" for ByNobody
	Scopes  []Scope    //
	Address netip.Addr // that it calls from

	rate  *Rate     // nil: the installation's
	seen  time.Time // when the credential was last found valid; zero: it needs none
	until time.Time // when the credential ends by itself; zero: never
}

// Can reports whether the principal has every one of the scopes.
func (p Principal) Can(scopes ...Scope) bool {
	return !slices.ContainsFunc(scopes, func(s Scope) bool { return !slices.Contains(p.Scopes, s) })
}

type principalKey struct{}

// From returns the caller of the request that ctx belongs to; the zero Principal,
// which has no scopes, if no Guard has admitted it.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// WithPrincipal returns a context of a request by p. [Guard.Admit] does it for
// requests; others carry a principal over to another context.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// DefaultTenant is everyone's tenant while authentication is off.
const DefaultTenant = "default"

// anonymous returns the caller while authentication is off: someone who uses the
// service, but does not operate it.
func (g *Guard) anonymous(address netip.Addr) Principal {
	p := Principal{Tenant: DefaultTenant, Method: ByNobody, Address: address, Scopes: g.cfg.Everyone}
	if p.Scopes == nil {
		p.Scopes = []Scope{JobsRead, JobsWrite, JobsCancel, AgentsRead, WebhooksRead, WebhooksWrite}
	}
	return p
}

// principal returns the caller with the key from an address.
func (r record) principal(address netip.Addr) Principal {
	return Principal{Tenant: r.Tenant, Method: ByKey, Subject: r.ID, Scopes: r.Scopes, Address: address, rate: r.Rate}
}

// tenantName is the form of a tenant's name, which is part of Redis keys, log lines and
// URLs.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// ValidTenant reports whether name can be the name of a tenant: 1 to 64 letters,
// digits, dots, dashes and underscores, the first a letter or a digit.
func ValidTenant(name string) bool { return tenantName.MatchString(name) }
