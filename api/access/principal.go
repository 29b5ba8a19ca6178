package access

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Method is how a caller has shown who it is.
type Method string

// The methods.
const (
	ByNobody Method = "none" // authentication is off, or the route is public
	ByKey    Method = "key"  // an API key
	ByToken  Method = "jwt"  // a JSON Web Token
)

// Principal is who makes a request. It holds no secret and may be logged.
type Principal struct {
	Tenant  string     // whose jobs these are; "" on public routes
	Method  Method     // how we know
	Subject string     // the ID of the key, or the token's subject; "" for ByNobody
	Scopes  []Scope    // what it may do
	Address netip.Addr // where it calls from

	rate  *Rate     // nil: the installation's
	seen  time.Time // when the credential was last found to count; zero: it needs none
	until time.Time // when the credential ends by itself; zero: never
}

// Can reports whether the principal has every one of the scopes.
func (p Principal) Can(scopes ...Scope) bool {
	return !slices.ContainsFunc(scopes, func(s Scope) bool { return !slices.Contains(p.Scopes, s) })
}

type principalKey struct{}

// From returns who makes the request that ctx belongs to; the zero Principal,
// which may do nothing, if no Guard has admitted it.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// Under returns ctx as that of a request of p. [Guard.Admit] does it for
// requests; others are those who carry a principal over to another context.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// DefaultTenant is everyone's tenant while authentication is off.
const DefaultTenant = "default"

// anyone is who calls while authentication is off: someone who uses the service,
// but does not run it.
func (g *Guard) anonymous(address netip.Addr) Principal {
	p := Principal{Tenant: DefaultTenant, Method: ByNobody, Address: address, Scopes: g.cfg.Everyone}
	if p.Scopes == nil {
		p.Scopes = []Scope{JobsRead, JobsWrite, JobsCancel, AgentsRead, WebhooksRead, WebhooksWrite}
	}
	return p
}

// principal is who calls with the key from an address.
func (r record) principal(address netip.Addr) Principal {
	return Principal{Tenant: r.Tenant, Method: ByKey, Subject: r.ID, Scopes: r.Scopes, Address: address, rate: r.Rate}
}

// tenantName is what a tenant may be called: tenants are parts of Redis keys, of
// log lines and of URLs.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// ValidTenant reports whether a tenant may be called so: 1 to 64 letters,
// digits, dots, dashes and underscores, the first a letter or a digit.
func ValidTenant(name string) bool { return tenantName.MatchString(name) }
