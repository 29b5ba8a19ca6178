package config

import (
	"errors"
	"fmt"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// Authenticates reports whether callers of the API must show who they are.
func (c Config) Authenticates() bool {
	return c.Auth == AuthRequired || c.Auth == AuthAuto && !access.Loopback(c.APIListen)
}

// Tokens is which JSON Web Tokens count; ok is false if none do.
func (c Config) Tokens() (t access.TokenConfig, ok bool) {
	t = access.TokenConfig{JWKS: c.JWTJwks, Issuer: c.JWTIssuer, Audience: c.JWTAudience, TenantClaim: c.JWTTenantClaim, ScopeClaim: c.JWTScopeClaim}
	return t, t.JWKS != "" || t.Issuer != "" || t.Audience != ""
}

// accessFaults reports what is wrong with the access control settings.
func (c Config) accessFaults() []settingFault {
	var faults []settingFault
	if t, ok := c.Tokens(); ok {
		if err := t.Validate(); err != nil {
			faults = append(faults, settingFault{EnvPrefix + "_JWT_JWKS, _ISSUER and _AUDIENCE", err.Error()})
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, settingFault{EnvPrefix + "_TLS_CERT and _TLS_KEY", "want both, or neither"})
	}
	for name, n := range map[string]int64{"KEPT_JOBS": c.KeptJobs, "KEPT_BYTES": c.KeptBytes, "REDIS_MEMORY": c.RedisMemory} {
		if n < 0 {
			faults = append(faults, settingFault{EnvPrefix + "_" + name, fmt.Sprintf("got %d, want 0 or more", n)})
		}
	}
	if !isPercent(c.RedisHighWater) {
		faults = append(faults, settingFault{EnvPrefix + "_REDIS_HIGH_WATER", fmt.Sprintf("got %v, want a percentage from 0 to 100", c.RedisHighWater)})
	}
	if c.QueuedQuota < 0 {
		faults = append(faults, settingFault{EnvPrefix + "_QUEUED_QUOTA", fmt.Sprintf("got %d, want 0 (no quota) or more", c.QueuedQuota)})
	}
	return faults
}

// AdminAuthenticates reports whether operators must show who they are: wherever
// callers must, and where other machines reach the listener.
func (c Config) AdminAuthenticates() bool {
	return c.Authenticates() || c.Auth == AuthAuto && !access.Loopback(c.AdminListen)
}

// CheckListeners refuses to serve anything to other machines without authentication,
// or in the clear.
func (c Config) CheckListeners() error {
	err := c.CheckListener("SPILLWAY_API_LISTEN", c.APIListen, c.Authenticates())
	if c.AdminListen == Off {
		return err
	}
	return errors.Join(err, c.CheckListener("SPILLWAY_ADMIN_LISTEN", c.AdminListen, c.AdminAuthenticates()))
}

// CheckListener refuses an address that other machines can reach without
// authentication or in the clear. The error names the setting.
func (c Config) CheckListener(setting, address string, authenticated bool) error {
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

// Scheme is that of the API's URL.
func (c Config) Scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// IsFull reports whether that much memory leaves no room for new jobs.
func (c Config) IsFull(use redisconn.MemoryUse) bool {
	return c.RedisHighWater > 0 && 100*use.Share() >= c.RedisHighWater
}
