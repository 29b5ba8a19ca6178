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

// Config says who is let in. The zero Config lets in everyone, as DefaultTenant.
type Config struct {
	// Keys are the API keys that count. Without them there is no authentication:
	// everyone may do everything but administer. With them nobody may do anything
	// without a credential.
	Keys *Keys
	// Tokens are the JSON Web Tokens that count beside keys. Default: none.
	Tokens *Tokens
	// Sessions are those of people who logged in at a page; their cookies count
	// where no credential is sent. Default: none.
	Sessions *Sessions
	// Everyone lists what everyone may do without authentication. Default:
	// everything but administer.
	Everyone []Scope
	// Rate is how many requests each caller may make whose key does not say
	// otherwise, in all processes together. Default: no limit.
	Rate Rate
	// Allow are the networks that callers may come from. Default: all.
	Allow []netip.Prefix
	// Proxies are the networks of proxies whose X-Forwarded-For is cacheTime.
	// Default: none; the peer of the connection is the caller.
	Proxies []netip.Prefix
	// LocalNames lets in only requests under the name localhost or an IP address,
	// and of those that may change something none of a page of another site: without
	// authentication, a page in a browser on this machine could otherwise reach the
	// service by a name of its own (DNS rebinding), or send it what needs no answer.
	LocalNames bool
	// Log gets what callers are not told. Default: it is dropped.
	Log *slog.Logger
}

// Guard decides about requests. It is safe for concurrent use.
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

// Enter lets a request pass that comes from where callers may come from, and
// notes its address in its context. It is for every request, whatever its path.
func (g *Guard) CheckOrigin(r *http.Request) (*http.Request, error) {
	who := Principal{Method: ByNobody, Address: ClientAddress(r, g.cfg.Proxies)}
	switch {
	case len(g.cfg.Allow) > 0 && !within(g.cfg.Allow, who.Address):
		return nil, wrongAddress(who, "This service cannot be used from your address.")
	case g.cfg.LocalNames && !localName(r.Host):
		return nil, wrongAddress(who, "Without authentication this service answers under localhost or an IP address only.")
	case g.cfg.LocalNames && g.sites.Check(r) != nil:
		return nil, wrongAddress(who, "Without authentication a page of another site may change nothing here.")
	}
	return r.WithContext(WithPrincipal(r.Context(), who)), nil
}

// Greet lets a request for a public route pass, which must have come through
// CheckOrigin, unless its address asks too often.
func (g *Guard) AdmitAnonymous(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if g.lookup == nil {
		return r, nil
	}
	if wait, ok := g.public.allow(From(r.Context()).Address); !ok {
		return nil, tooMany(anonymousRate, wait)
	}
	return r, nil
}

// Recognize lets a request for a public route pass as AdmitAnonymous does, and leaves the
// caller's Principal in the request's context if it shows a credential, which must
// count. While nobody can say whether it counts, the caller is nobody.
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

// Admit lets a request pass, which must have come through CheckOrigin, if its caller
// has shown who it is, may do all that is needed, and does not ask too often. It
// leaves the caller's Principal in the request's context, and tells the caller's
// rate in the headers of the response. Its error is a *Refusal, or a
// *tasks.Error with CodeRateLimited or CodeUnavailable. A route that needs no
// scope at all is a mistake, and refused.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request, need ...Scope) (*http.Request, error) {
	if len(need) == 0 {
		return nil, errors.New("access: a route that names no scope admits nobody")
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

// Confirm lets an admitted request go on if its credential still counts: its body
// may have taken long, and the credential may have been revoked meanwhile.
func (g *Guard) Reauthenticate(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if p := From(r.Context()); g.lookup == nil || p.seen.IsZero() || g.cfg.Keys.now().Sub(p.seen) < cacheTime {
		return r, nil
	}
	_, err := g.identify(r)
	return r, err
}

// identify finds out who makes the request.
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
		return tasks.Errorf(tasks.CodeRateLimited, "Too many requests without a valid credential are being made here; try again after the seconds in Retry-After.").
			WithRetryAfter(waitFor(g.total, now))
	}
	return err
}

// byKey finds out whose API key that is.
func (g *Guard) byKey(ctx context.Context, text string, address netip.Addr) (Principal, error) {
	t, err := parseToken(text)
	if err != nil {
		return Principal{}, g.refuse(address, badCredential(detailUnknown, err))
	}
	// An address that guesses is checkedAt up now and then only, and does not lock out
	// its neighbours: those whose keys are known, and those who come for the first
	// time with one that counts.
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
		return Principal{}, g.refuse(address, wrongAddress(p, "This key cannot be used from your address."))
	}
	return p, nil
}

func sameHash(a, b [sha256.Size]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// byToken finds out for whom a JSON Web Token speaks.
func (g *Guard) byToken(ctx context.Context, text string, address netip.Addr) (Principal, error) {
	if g.cfg.Tokens == nil {
		return Principal{}, g.refuse(address, badCredential(detailUnknown, nil))
	}
	p, err := g.cfg.Tokens.verify(ctx, text)
	if err != nil {
		g.cfg.Log.DebugContext(ctx, "token refused", "error", err)
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

// Spend takes one request more from the rate of the caller whose request ctx
// belongs to: for what stands for several requests. Its error is CodeRateLimited or
// CodeUnavailable.
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

// SpendUpTo takes up to n requests more from the rate of the caller whose request
// ctx belongs to, and returns how many it may make. If they are fewer, refused is
// the error of the others. err is CodeUnavailable.
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

// rateOf returns how often the caller may ask, and whether that is limited.
func (g *Guard) rateOf(p Principal) (limit Rate, limited bool) {
	limit = g.cfg.Rate
	if p.rate != nil {
		limit = *p.rate
	}
	return limit, limit != (Rate{}) && g.lookup != nil
}

// caller is the name that requests are counted under. A subject may be as long
// as its issuer likes, and hold anything.
func (p Principal) caller() string {
	if p.Method == ByKey {
		return p.Subject
	}
	digest := sha256.Sum256([]byte(p.Tenant + "\n" + p.Subject))
	return hex.EncodeToString(digest[:])
}
