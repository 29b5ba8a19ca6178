package access

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenConfig configures which JSON Web Tokens are valid. Issuer, Audience and JWKS
// are required.
type TokenConfig struct {
	// JWKS is where the keys of the issuer are: an https URL, or the path of a file.
	// Plain http is allowed for this machine only.
	JWKS string
	// Issuer is what the claim iss must be.
	Issuer string
	// Audience is what the claim aud must be or contain.
	Audience string
	// TenantClaim is the claim that names the tenant. Default "tenant".
	TenantClaim string
	// ScopeClaim is the claim that holds the scopes: a string with spaces between
	// them, or a list. Default "scope".
	ScopeClaim string
}

// Validate reports everything that is missing or invalid.
func (c TokenConfig) Validate() error {
	var errs []error
	for _, setting := range []struct{ name, value string }{{"JWKS", c.JWKS}, {"Issuer", c.Issuer}, {"Audience", c.Audience}} {
		if setting.value == "" {
			errs = append(errs, fmt.Errorf("%s is required to accept JSON Web Tokens", setting.name))
		}
	}
	if u, ok := c.url(); ok && !trustworthy(u) {
		errs = append(errs, errors.New("JWKS must be an https URL: a party that can change the keys can impersonate anyone"))
	}
	return errors.Join(errs...)
}

// url returns JWKS as a URL, unless it is the path of a file.
func (c TokenConfig) url() (*url.URL, bool) {
	if !strings.HasPrefix(c.JWKS, "http://") && !strings.HasPrefix(c.JWKS, "https://") {
		return nil, false
	}
	u, err := url.Parse(c.JWKS)
	return u, err == nil
}

// trustworthy reports whether nobody on the way can change what a URL returns.
func trustworthy(u *url.URL) bool { return u.Scheme == "https" || localHost(u.Hostname()) }

func localHost(host string) bool {
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return address.IsLoopback()
	}
	return host == "localhost"
}

// Tokens verifies JSON Web Tokens. It is safe for concurrent use.
type Tokens struct {
	cfg    TokenConfig
	keys   keySource
	parser *jwt.Parser
}

const (
	// maxToken is the length of the longest token that is parsed, in bytes.
	maxToken = 8 << 10
	// maxSubject is the longest subject, in bytes.
	maxSubject = 256
	// leeway is how much the issuer's clock may differ from this one.
	leeway = 30 * time.Second
	// minRSA is the shortest RSA key that is trusted, in bits (RFC 7518 §3.3).
	minRSA = 2048
)

// algorithms are those that a token may be signed with. None has a shared secret: a
// public key must never be taken for one.
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// tokenTypes are the allowed values of the header typ, if there is one. A token for
// another purpose, such as logging out, has another type (RFC 8725 §3.11).
var tokenTypes = []string{"jwt", "at+jwt", "application/at+jwt"}

// NewTokens returns a verifier whose keys are refreshed until life ends. It does not
// fail when the keys cannot be fetched from a URL yet: no token is valid until they
// are.
func NewTokens(life context.Context, cfg TokenConfig, log *slog.Logger) (*Tokens, error) {
	if cfg.TenantClaim == "" {
		cfg.TenantClaim = "tenant"
	}
	if cfg.ScopeClaim == "" {
		cfg.ScopeClaim = "scope"
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	keys, err := openKeySource(life, cfg, log)
	if err != nil {
		return nil, err
	}
	return &Tokens{cfg: cfg, keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
	)}, nil
}

// verify returns the principal of a token. Its error is for logs.
func (t *Tokens) verify(ctx context.Context, text string) (Principal, error) {
	if len(text) > maxToken {
		return Principal{}, errors.New("the token is too long")
	}
	claims := jwt.MapClaims{}
	if _, err := t.parser.ParseWithClaims(text, claims, func(token *jwt.Token) (any, error) {
		return t.key(ctx, token)
	}); err != nil {
		return Principal{}, err
	}
	p := Principal{Method: ByToken, Scopes: scopesIn(claims[t.cfg.ScopeClaim])}
	p.Tenant, _ = claims[t.cfg.TenantClaim].(string)
	if !ValidTenant(p.Tenant) {
		return Principal{}, fmt.Errorf("claim %s names no tenant", t.cfg.TenantClaim)
	}
	p.Subject, _ = claims["sub"].(string)
	if p.Subject == "" || len(p.Subject) > maxSubject {
		return Principal{}, errors.New("claim sub is missing or too long")
	}
	end, err := claims.GetExpirationTime()
	if err != nil {
		return Principal{}, err
	}
	p.until = end.Add(leeway)
	return p, nil
}

// key returns the key that a token must be signed with, after checking what the
// parser does not check in its header.
func (t *Tokens) key(ctx context.Context, token *jwt.Token) (any, error) {
	if kid, _ := token.Header["kid"].(string); kid == "" {
		return nil, errors.New("no kid in the header") // otherwise any key of the set would do
	}
	if _, ok := token.Header["crit"]; ok {
		return nil, errors.New("unsupported crit in the header")
	}
	if typ, ok := token.Header["typ"]; ok {
		if name, _ := typ.(string); !slices.Contains(tokenTypes, strings.ToLower(name)) {
			return nil, errors.New("the token is of another type")
		}
	}
	key, err := t.keys.find(ctx, token)
	if err != nil {
		return nil, err
	}
	if weak, ok := key.(*rsa.PublicKey); ok && weak.N.BitLen() < minRSA {
		return nil, fmt.Errorf("the RSA key is shorter than %d bits", minRSA)
	}
	return key, nil
}

// scopesIn returns the known scopes in a claim; issuers grant others too.
func scopesIn(claim any) []Scope {
	var names []string
	switch v := claim.(type) {
	case string:
		names = strings.Fields(v)
	case []any:
		for _, item := range v {
			if name, ok := item.(string); ok {
				names = append(names, name)
			}
		}
	}
	var scopes []Scope
	for _, name := range names {
		if s := Scope(name); s.Valid() && !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// Loopback reports whether an address such as 127.0.0.1:8080 can be reached only from
// this machine.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && localHost(host)
}
