package app

import (
	"context"
	"fmt"

	"github.com/topcentral/spillway/api/access"
)

// guard returns the access control of the API.
func (s *App) guard(life context.Context) (*access.Guard, error) {
	cfg := access.Config{Allow: s.cfg.AllowIps, Proxies: s.cfg.TrustedProxies, Log: s.log}
	if !s.cfg.Authenticates() {
		cfg.LocalNames = true
		return access.New(cfg), nil
	}
	return s.guardWith(life, cfg)
}

// adminGuard returns the access control of the operators' listener.
func (s *App) adminGuard(life context.Context) (*access.Guard, error) {
	cfg := access.Config{Allow: s.cfg.AllowIps, Proxies: s.cfg.TrustedProxies, Log: s.log}
	if !s.cfg.AdminAuthenticates() {
		cfg.Everyone, cfg.LocalNames = []access.Scope{access.AdminRead}, true
		return access.New(cfg), nil
	}
	cfg.Sessions = access.NewSessions(s.rdb)
	return s.guardWith(life, cfg)
}

// guardWith adds keys and tokens. The keys of a token issuer are kept fresh until
// life ends.
func (s *App) guardWith(life context.Context, cfg access.Config) (*access.Guard, error) {
	cfg.Keys, cfg.Rate = access.NewKeys(s.rdb), s.cfg.RateLimit
	if t, ok := s.cfg.Tokens(); ok {
		var err error
		if cfg.Tokens, err = access.NewTokens(life, t, s.log); err != nil {
			return nil, fmt.Errorf("SPILLWAY_JWT_JWKS: %w", err)
		}
	}
	return access.New(cfg), nil
}
