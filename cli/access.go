package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/topcentral/spillway/api/access"
)

// authentication is whether callers must show who they are.
type authentication string

const (
	authAuto     authentication = "auto" // unless only this machine can call
	authOff      authentication = "off"
	authRequired authentication = "required"
)

// UnmarshalText reads one of the known values.
func (a *authentication) UnmarshalText(text []byte) error {
	switch v := authentication(text); v {
	case authAuto, authOff, authRequired:
		*a = v
		return nil
	}
	return fmt.Errorf("want %s, %s or %s", authAuto, authOff, authRequired)
}

// authenticates reports whether callers of the API must show who they are.
func (c config) authenticates() bool {
	return c.Auth == authRequired || c.Auth == authAuto && !access.Loopback(c.APIListen)
}

// tokens is which JSON Web Tokens count; ok is false if none do.
func (c config) tokens() (t access.TokenConfig, ok bool) {
	t = access.TokenConfig{JWKS: c.JWTJwks, Issuer: c.JWTIssuer, Audience: c.JWTAudience, TenantClaim: c.JWTTenantClaim, ScopeClaim: c.JWTScopeClaim}
	return t, t.JWKS != "" || t.Issuer != "" || t.Audience != ""
}

// accessFaults tells what is wrong with the settings of who may do what.
func (c config) accessFaults() []settingFault {
	var faults []settingFault
	if t, ok := c.tokens(); ok {
		if err := t.Validate(); err != nil {
			faults = append(faults, settingFault{envPrefix + "_JWT_JWKS, _ISSUER and _AUDIENCE", err.Error()})
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, settingFault{envPrefix + "_TLS_CERT and _TLS_KEY", "want both, or neither"})
	}
	for name, n := range map[string]int64{"KEPT_JOBS": c.KeptJobs, "KEPT_BYTES": c.KeptBytes, "REDIS_MEMORY": c.RedisMemory} {
		if n < 0 {
			faults = append(faults, settingFault{envPrefix + "_" + name, fmt.Sprintf("got %d, want 0 or more", n)})
		}
	}
	if !isPercent(c.RedisHighWater) {
		faults = append(faults, settingFault{envPrefix + "_REDIS_HIGH_WATER", fmt.Sprintf("got %v, want a percentage from 0 to 100", c.RedisHighWater)})
	}
	if c.QueuedQuota < 0 {
		faults = append(faults, settingFault{envPrefix + "_QUEUED_QUOTA", fmt.Sprintf("got %d, want 0 (no quota) or more", c.QueuedQuota)})
	}
	return faults
}

// adminOff is where nothing is served for operators.
const adminOff = "off"

// adminAuthenticates reports whether operators must show who they are: wherever
// callers must, and where other machines reach the listener.
func (c config) adminAuthenticates() bool {
	return c.authenticates() || c.Auth == authAuto && !access.Loopback(c.AdminListen)
}

// mayListen refuses to serve anything to other machines without authentication,
// or in the clear.
func (c config) mayListen() error {
	err := c.mayServe("SPILLWAY_API_LISTEN", c.APIListen, c.authenticates())
	if c.AdminListen == adminOff {
		return err
	}
	return errors.Join(err, c.mayServe("SPILLWAY_ADMIN_LISTEN", c.AdminListen, c.adminAuthenticates()))
}

func (c config) mayServe(setting, address string, authenticated bool) error {
	if access.Loopback(address) {
		return nil
	}
	var errs []error
	if !authenticated {
		errs = append(errs, errors.New("SPILLWAY_AUTH=off would let everyone who reaches it use it: leave SPILLWAY_AUTH out, and make keys with \"spillway keys create\""))
	}
	if c.TLSCert == "" && !c.TLSTerminatedByProxy {
		errs = append(errs, errors.New("keys and data would cross the network in the clear: set SPILLWAY_TLS_CERT and SPILLWAY_TLS_KEY, or SPILLWAY_TLS_TERMINATED_BY_PROXY=true if a proxy before it ends TLS"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s=%s can be reached from other machines:\n%w", setting, address, err)
	}
	return nil
}

// listenAPI opens the listener of the API.
func (s *system) listenAPI() (net.Listener, error) {
	return s.listenSafely(s.cfg.APIListen, "SPILLWAY_API_LISTEN")
}

// listenSafely opens a listener, with TLS if the settings have a certificate.
func (s *system) listenSafely(address, setting string) (net.Listener, error) {
	cert, err := openCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.log)
	if err != nil {
		return nil, err
	}
	l, err := s.listen(address, setting)
	if err != nil || cert == nil {
		return l, err
	}
	return cert.over(l), nil
}

// scheme is that of the API's URL.
func (c config) scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// guard makes what decides who may use the API.
func (s *system) guard(life context.Context) (*access.Guard, error) {
	cfg := access.Config{Allow: s.cfg.AllowIps, Proxies: s.cfg.TrustedProxies, Log: s.log}
	if !s.cfg.authenticates() {
		cfg.LocalNames = true
		return access.New(cfg), nil
	}
	return s.guardWith(life, cfg)
}

// adminGuard makes what decides who may use the listener for operators.
func (s *system) adminGuard(life context.Context) (*access.Guard, error) {
	cfg := access.Config{Allow: s.cfg.AllowIps, Proxies: s.cfg.TrustedProxies, Log: s.log}
	if !s.cfg.adminAuthenticates() {
		cfg.Everyone, cfg.LocalNames = []access.Scope{access.AdminRead}, true
		return access.New(cfg), nil
	}
	cfg.Sessions = access.NewSessions(s.rdb)
	return s.guardWith(life, cfg)
}

// guardWith adds keys and tokens. The keys of a token issuer are kept fresh until
// life ends.
func (s *system) guardWith(life context.Context, cfg access.Config) (*access.Guard, error) {
	cfg.Keys, cfg.Rate = access.NewKeys(s.rdb), s.cfg.RateLimit
	if t, ok := s.cfg.tokens(); ok {
		var err error
		if cfg.Tokens, err = access.NewTokens(life, t, s.log); err != nil {
			return nil, fmt.Errorf("SPILLWAY_JWT_JWKS: %w", err)
		}
	}
	return access.New(cfg), nil
}

// redacted is how a log attribute is written: without the keys, tokens and passwords that
// may be in what callers sent or in what went wrong.
func redacted(_ []string, a slog.Attr) slog.Attr {
	if kind := a.Value.Kind(); kind != slog.KindString && kind != slog.KindAny {
		return a
	}
	text := fmt.Sprint(a.Value.Any())
	if safe := withoutPassword(access.Redact(text)); safe != text {
		return slog.String(a.Key, safe)
	}
	return a
}
