package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/topcentral/spillway/tasks"
)

// Config configures a Guard. The zero Config admits everyone, as DefaultTenant.
type Config struct {
	// Keys are the valid API keys. Without them there is no authentication, and everyone
	// may do everything but administer. With them nobody may do anything without a
	// credential.
	Keys *Keys
	// Tokens verifies JSON Web Tokens, which are valid beside keys. Default: none are.
	Tokens *Tokens
	// Sessions are those of people who logged in at a page; their cookies are valid where
	// no credential is sent. Default: none.
	Sessions *Sessions
	// Everyone lists what everyone may do without authentication. Default:
	// everything but administer.
	Everyone []Scope
	// Rate limits the requests of each caller whose key has no rate of its own, in all
	// processes together. Default: no limit.
	Rate Rate
	// Allow are the networks that callers may come from. Default: all.
	Allow []netip.Prefix
	// Proxies are the networks of proxies whose X-Forwarded-For is trusted.
	// Default: none; the peer of the connection is the caller.
	Proxies []netip.Prefix
	// LocalNames accepts only requests for the host localhost or an IP address, and
	// refuses changes that a page of another site asks for. Without authentication, a
	// page in a browser on this machine could otherwise reach the service under a name
	// of its own (DNS rebinding), or send it requests whose answers it cannot read.
	LocalNames bool
	// Log gets the causes that callers do not see. Default: discarded.
	Log *slog.Logger
}

// Guard admits or refuses requests. It is safe for concurrent use.
type Guard struct {
	cfg      Config
	lookup   *lookup         // nil without authentication
	refusals *networkLimiter // requests that were refused
	total    *rate.Limiter   // of the refusals of all networks
	public   *networkLimiter // requests for public routes
	lookups  *networkLimiter // of keys that are not cached, for networks with too many refusals
	logins   *networkLimiter
	watcher  keyWatcher
	now      func() time.Time
	sites    *http.CrossOriginProtection
}

// New returns a Guard.
func New(cfg Config) *Guard {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{
		cfg: cfg, now: time.Now, total: totalRefusalRate.limiter(), sites: http.NewCrossOriginProtection(),
	}
	if cfg.Keys != nil {
		g.lookup = newLookup(cfg.Keys, cfg.Log)
		g.now = cfg.Keys.now
		g.watcher = keyWatcher{lookup: g.lookup, every: cacheTime}
	}
	g.refusals, g.public = newNetworkLimiter(anonymousRate, g.now), newNetworkLimiter(anonymousRate, g.now)
	g.lookups, g.logins = newNetworkLimiter(lookupRate, g.now), newNetworkLimiter(loginRate, g.now)
	return g
}

// CheckOrigin refuses a request from an address, or for a host name, that is not
// allowed. The returned request has its address in its context. It is for every
// request, whatever its path.
func (g *Guard) CheckOrigin(r *http.Request) (*http.Request, error) {
	who := Principal{Method: ByNobody, Address: ClientAddress(r, g.cfg.Proxies)}
	switch {
	case len(g.cfg.Allow) > 0 && !within(g.cfg.Allow, who.Address):
		return nil, wrongAddress(who, "Your address may not use this service.")
	case g.cfg.LocalNames && !localName(r.Host):
		return nil, wrongAddress(who, "Without authentication this service can be reached only as localhost or by IP address.")
	case g.cfg.LocalNames && g.sites.Check(r) != nil:
		return nil, wrongAddress(who, "Without authentication pages of other sites may not change anything here.")
	}
	return r.WithContext(WithPrincipal(r.Context(), who)), nil
}

// AdmitAnonymous admits a request for a public route, which must have passed
// CheckOrigin, unless its address makes too many.
func (g *Guard) AdmitAnonymous(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if g.lookup == nil {
		return r, nil
	}
	if wait, ok := g.public.allow(From(r.Context()).Address); !ok {
		return nil, tooMany(anonymousRate, wait)
	}
	return r, nil
}

// AdmitOptional admits a request for a public route as AdmitAnonymous does. If it
// has a credential, that must be valid, and the caller's Principal is in the context
// of the returned request. While the credential cannot be checked, the caller is
// anonymous.
func (g *Guard) AdmitOptional(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	_, hasCookie := g.cookie(r)
	if g.lookup != nil && !hasCookie && len(r.Header.Values("Authorization")) == 0 {
		return g.AdmitAnonymous(w, r)
	}
	p, err := g.identify(r)
	if err == nil {
		err = g.count(r.Context(), w.Header(), p)
	}
	switch {
	case tasks.CodeOf(err) == tasks.CodeUnavailable:
		return r, nil
	case err != nil:
		return nil, err
	}
	return r.WithContext(WithPrincipal(r.Context(), p)), nil
}

// Admit admits a request, which must have passed CheckOrigin, if its credential is
// valid, has every needed scope, and is within its rate. The caller's Principal is in
// the context of the returned request, and the state of its rate in the headers of
// the response. The error is a *Refusal, or a *tasks.Error with CodeRateLimited or
// CodeUnavailable. A route that needs no scope at all is a mistake, and refused.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request, need ...Scope) (*http.Request, error) {
	if len(need) == 0 {
		return nil, errors.New("access: a route without a scope admits nobody")
	}
	p, err := g.identify(r)
	if err != nil {
		return nil, err
	}
	if err := g.count(r.Context(), w.Header(), p); err != nil {
		return nil, err
	}
	if !p.Can(need...) {
		return nil, insufficientScope(p, need)
	}
	if g.lookup != nil {
		p.seen = g.cfg.Keys.now()
	}
	return r.WithContext(WithPrincipal(r.Context(), p)), nil
}

// Reauthenticate refuses an admitted request whose credential is no longer valid:
// its body may have taken long, and the credential may have been revoked meanwhile.
func (g *Guard) Reauthenticate(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if p := From(r.Context()); g.lookup == nil || p.seen.IsZero() || g.cfg.Keys.now().Sub(p.seen) < cacheTime {
		return r, nil
	}
	_, err := g.identify(r)
	return r, err
}

// identify returns the principal of a request.
func (g *Guard) identify(r *http.Request) (Principal, error) {
	address := From(r.Context()).Address
	if g.lookup == nil {
		return g.anonymous(address), nil
	}
	if value, ok := g.cookie(r); ok {
		return g.bySession(r.Context(), value, address)
	}
	credential, err := bearer(r.Header)
	if err != nil {
		return Principal{}, g.refuse(address, err)
	}
	if strings.HasPrefix(credential, tokenPrefix) {
		return g.byKey(r.Context(), credential, address)
	}
	return g.byToken(r.Context(), credential, address)
}

// bearer returns the credential of the Authorization header.
func bearer(h http.Header) (string, error) {
	lines := h.Values("Authorization")
	if len(lines) == 0 {
		return "", errNoCredential
	}
	scheme, credential, _ := strings.Cut(lines[0], " ")
	if credential = strings.Trim(credential, " "); len(lines) > 1 || !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return "", badCredential("Send one Authorization header: Bearer, a space, and an API key or a JSON Web Token.", nil)
	}
	return credential, nil
}

// refuse returns err, or CodeRateLimited if the address, or all addresses
// together, have been refused too often.
func (g *Guard) refuse(address netip.Addr, err error) error {
	if wait, ok := g.refusals.allow(address); !ok {
		return tooMany(anonymousRate, wait)
	}
	if now := g.now(); !g.total.AllowN(now, 1) {
		return tasks.Errorf(tasks.CodeRateLimited, "This service is getting too many requests without a valid credential; try again after the seconds in Retry-After.").
			WithRetryAfter(waitFor(g.total, now))
	}
	return err
}

// byKey returns the principal of an API key.
func (g *Guard) byKey(ctx context.Context, text string, address netip.Addr) (Principal, error) {
	t, err := parseToken(text)
	if err != nil {
		return Principal{}, g.refuse(address, badCredential(detailUnknown, err))
	}
	// Guesses from an address cost few lookups, and do not lock out others there: those
	// whose keys are cached, and some of those whose valid keys are new.
	if g.refusals.exhausted(address) && !g.lookup.isCached(t) {
		if wait, ok := g.lookups.allow(address); !ok {
			return Principal{}, tooMany(lookupRate, wait)
		}
	}
	r, err := g.lookup.read(ctx, t.id)
	p := r.principal(address)
	switch {
	case tasks.CodeOf(err) == tasks.CodeNotFound:
		return Principal{}, g.refuse(address, badCredential(detailUnknown, err))
	case err != nil:
		return Principal{}, err
	case !sameHash(r.hash, t.hash), !r.Active(g.cfg.Keys.now()):
		return Principal{}, g.refuse(address, badCredential(detailUnknown, nil))
	case len(r.AllowIPs) > 0 && !within(r.AllowIPs, address):
		return Principal{}, g.refuse(address, wrongAddress(p, "This key may not be used from your address."))
	}
	return p, nil
}

func sameHash(a, b [sha256.Size]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// byToken returns the principal of a JSON Web Token.
func (g *Guard) byToken(ctx context.Context, text string, address netip.Addr) (Principal, error) {
	if g.cfg.Tokens == nil {
		return Principal{}, g.refuse(address, badCredential(detailUnknown, nil))
	}
	p, err := g.cfg.Tokens.verify(ctx, text)
	if err != nil {
		g.cfg.Log.DebugContext(ctx, "JSON Web Token refused", "error", err)
		detail := detailToken
		if errors.Is(err, jwt.ErrTokenExpired) {
			detail = detailExpired
		}
		return Principal{}, g.refuse(address, badCredential(detail, err))
	}
	p.Address = address
	return p, nil
}

// count takes the request from the caller's rate.
func (g *Guard) count(ctx context.Context, h http.Header, p Principal) error {
	limit, ok := g.rateOf(p)
	if !ok {
		return nil
	}
	used, err := takeFromRate(ctx, g.cfg.Keys.rdb, p.caller(), limit, 1)
	if err != nil {
		return err
	}
	used.setHeaders(h, limit)
	if !used.allowed {
		return tooMany(limit, used.next)
	}
	return nil
}

// Spend takes one more request from the rate of the caller of the request that ctx
// belongs to: for a request that does the work of several. Its error is
// CodeRateLimited or CodeUnavailable.
func (g *Guard) Spend(ctx context.Context) error {
	p := From(ctx)
	limit, ok := g.rateOf(p)
	if !ok {
		return nil
	}
	used, err := takeFromRate(ctx, g.cfg.Keys.rdb, p.caller(), limit, 1)
	if err == nil && !used.allowed {
		err = tooMany(limit, used.next)
	}
	return err
}

// SpendUpTo takes up to n more requests from the rate of the caller of the request
// that ctx belongs to, and returns how many were granted. If these are fewer than n,
// refused is the error of the others. err is CodeUnavailable.
func (g *Guard) SpendUpTo(ctx context.Context, n int) (granted int, refused, err error) {
	p := From(ctx)
	limit, ok := g.rateOf(p)
	if !ok || n <= 0 {
		return n, nil, nil
	}
	used, err := takeFromRate(ctx, g.cfg.Keys.rdb, p.caller(), limit, n)
	if err != nil || used.granted >= n {
		return used.granted, nil, err
	}
	return used.granted, tooMany(limit, max(used.next, limit.each())), nil
}

// rateOf returns the rate of a caller, and whether there is one.
func (g *Guard) rateOf(p Principal) (limit Rate, limited bool) {
	limit = g.cfg.Rate
	if p.rate != nil {
		limit = *p.rate
	}
	return limit, limit != (Rate{}) && g.lookup != nil
}

// caller is the name under which requests are counted. The subject of a token may be
// long and contain anything.
func (p Principal) caller() string {
	if p.Method == ByKey {
		return p.Subject
	}
	digest := sha256.Sum256([]byte(p.Tenant + "\n" + p.Subject))
	return hex.EncodeToString(digest[:])
}
