package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// sessionLife is how long a session lasts at most.
const sessionLife = 12 * time.Hour

// Sessions are those of people who logged in with a credential. A session has the
// rights of its credential, and ends with it. Redis has the SHA-256 of a cookie, not
// the cookie.
type Sessions struct{ rdb redis.UniversalClient }

// NewSessions returns the sessions in rdb, which the caller closes.
func NewSessions(rdb redis.UniversalClient) *Sessions { return &Sessions{rdb} }

// session is a session as it is in Redis.
type session struct {
	Method  Method    `json:"method"`
	Tenant  string    `json:"tenant"`
	Subject string    `json:"subject"`
	Scopes  []Scope   `json:"scopes"` // of a token; those of a key are its own
	Until   time.Time `json:"until"`
}

// The names of the cookie. A browser accepts the first only over TLS, and only from
// this very host.
const (
	secureCookie = "__Host-spillway"
	plainCookie  = "spillway"
)

// Login begins a session for a credential that has every needed scope, and sets its
// cookie. The request must have passed CheckOrigin. Its
// errors are those of Admit, and that of before, which it calls with the request's
// new context before it begins the session; an address may try ten times a minute.
func (g *Guard) Login(w http.ResponseWriter, r *http.Request, credential string, before func(context.Context) error, need ...Scope) (Principal, error) {
	if g.lookup == nil || g.cfg.Sessions == nil {
		return Principal{}, errors.New("access: logging in needs keys and sessions")
	}
	if wait, ok := g.logins.allow(From(r.Context()).Address); !ok {
		return Principal{}, tooMany(loginRate, wait)
	}
	shown := r.Clone(r.Context())
	shown.Header.Set("Authorization", "Bearer "+strings.TrimSpace(credential))
	admitted, err := g.Admit(w, shown, need...)
	if err != nil {
		return Principal{}, err
	}
	if err := before(admitted.Context()); err != nil {
		return Principal{}, err
	}
	p, now := From(admitted.Context()), g.cfg.Keys.now()
	s := session{Method: p.Method, Tenant: p.Tenant, Subject: p.Subject, Scopes: p.Scopes, Until: now.Add(sessionLife)}
	if !p.until.IsZero() {
		s.Until = earlier(s.Until, p.until)
	}
	value := rand.Text() + rand.Text()
	if err := g.cfg.Sessions.save(r.Context(), value, s, s.Until.Sub(now)); err != nil {
		return Principal{}, err
	}
	if old, ok := g.cookie(r); ok { // its cookie is about to be replaced, and nobody could log it out
		if err := g.cfg.Sessions.end(r.Context(), old); err != nil {
			g.cfg.Log.WarnContext(r.Context(), "the session before a login could not be ended; it ends by itself", "error", err)
		}
	}
	http.SetCookie(w, g.newCookie(r, value, int(s.Until.Sub(now)/time.Second)))
	return p, nil
}

// Logout ends the session of the request, if it has one.
func (g *Guard) Logout(w http.ResponseWriter, r *http.Request) error {
	value, ok := g.cookie(r)
	if !ok {
		return nil
	}
	if err := g.cfg.Sessions.end(r.Context(), value); err != nil {
		return err
	}
	http.SetCookie(w, g.newCookie(r, "", -1))
	return nil
}

// newCookie returns the cookie of a session, which is secure if the request came by
// TLS.
func (g *Guard) newCookie(r *http.Request, value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is TLS
		Name: g.cookieName(r), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: g.secure(r),
	}
}

func (g *Guard) cookieName(r *http.Request) string {
	if g.secure(r) {
		return secureCookie
	}
	return plainCookie
}

// secure reports whether a request came by TLS, to this process or to a trusted proxy.
func (g *Guard) secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" && within(g.cfg.Proxies, parseAddress(r.RemoteAddr))
}

// cookie returns the session cookie of a request; ok is false if it has none, or has
// an Authorization header.
func (g *Guard) cookie(r *http.Request) (value string, ok bool) {
	if g.cfg.Sessions == nil || len(r.Header.Values("Authorization")) > 0 {
		return "", false
	}
	c, err := r.Cookie(g.cookieName(r))
	if err != nil || c.Value == "" {
		return "", false
	}
	return c.Value, true
}

// bySession returns the principal of a session.
func (g *Guard) bySession(ctx context.Context, value string, address netip.Addr) (Principal, error) {
	if g.refusals.exhausted(address) {
		if wait, ok := g.lookups.allow(address); !ok {
			return Principal{}, tooMany(lookupRate, wait)
		}
	}
	ended := badCredential("The session has ended; log in again.", nil)
	s, err := g.cfg.Sessions.read(ctx, value)
	switch {
	case errors.Is(err, redis.Nil):
		return Principal{}, g.refuse(address, ended)
	case err != nil:
		return Principal{}, err
	case !g.cfg.Keys.now().Before(s.Until):
		return Principal{}, g.refuse(address, ended)
	case s.Method != ByKey:
		return Principal{Tenant: s.Tenant, Method: s.Method, Subject: s.Subject, Scopes: s.Scopes, Address: address, until: s.Until}, nil
	}
	r, err := g.lookup.read(ctx, s.Subject)
	switch {
	case tasks.CodeOf(err) == tasks.CodeNotFound, err == nil && !r.Active(g.cfg.Keys.now()):
		return Principal{}, g.refuse(address, ended)
	case err != nil:
		return Principal{}, err
	case len(r.AllowIPs) > 0 && !within(r.AllowIPs, address):
		return Principal{}, g.refuse(address, wrongAddress(r.principal(address), "This key may not be used from your address."))
	}
	return r.principal(address), nil
}

func (s *Sessions) save(ctx context.Context, value string, of session, life time.Duration) error {
	text, err := json.Marshal(of)
	if err != nil {
		return err
	}
	err = s.rdb.Set(ctx, sessionKey(digestOf(value)), text, life).Err()
	if refusesWrites(err) {
		return tasks.Errorf(tasks.CodeUnavailable, "Redis takes no writes now, so no session can begin; send the credential itself: Authorization: Bearer.").WithCause(err)
	}
	if err != nil {
		return fmt.Errorf("begin session: %w", unavailable(err))
	}
	return nil
}

// end ends a session, if there is one of that cookie.
func (s *Sessions) end(ctx context.Context, value string) error {
	if err := s.rdb.Del(ctx, sessionKey(digestOf(value))).Err(); err != nil {
		return fmt.Errorf("end session: %w", unavailable(err))
	}
	return nil
}

// read returns a session; redis.Nil if there is none.
func (s *Sessions) read(ctx context.Context, value string) (of session, err error) {
	text, err := s.rdb.Get(ctx, sessionKey(digestOf(value))).Bytes()
	if errors.Is(err, redis.Nil) {
		return of, err
	}
	if err != nil {
		return of, fmt.Errorf("read session: %w", unavailable(err))
	}
	return of, json.Unmarshal(text, &of)
}

func digestOf(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}
