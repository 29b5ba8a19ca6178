package config

import (
	"strings"
	"testing"
)

func TestWhoMayListen(t *testing.T) {
	for _, c := range []struct {
		name, listen  string
		auth          Authentication
		cert          string
		proxy         bool
		refused       string // "" if it may
		authenticates bool
	}{
		{"loopback", "127.0.0.1:8080", AuthAuto, "", false, "", false},
		{"loopback by name", "localhost:8080", AuthAuto, "", false, "", false},
		{"loopback of IPv6", "[::1]:8080", AuthAuto, "", false, "", false},
		{"loopback with keys", "127.0.0.1:8080", AuthRequired, "", false, "", true},
		{"everywhere", "0.0.0.0:8080", AuthAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"everywhere without a host", ":8080", AuthAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"everywhere of IPv6", "[::]:8080", AuthAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"another name", "spillway.example.com:8080", AuthAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"a name that looks like loopback", "127.0.0.1.example.com:8080", AuthAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"with a certificate", "0.0.0.0:8080", AuthAuto, "cert.pem", false, "", true},
		{"behind a proxy", "10.0.0.5:8080", AuthAuto, "", true, "", true},
		{"for everyone", "0.0.0.0:8080", AuthOff, "cert.pem", false, "SPILLWAY_AUTH=off", false},
		{"for everyone behind a proxy", "0.0.0.0:8080", AuthOff, "", true, "SPILLWAY_AUTH=off", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{APIListen: c.listen, AdminListen: "127.0.0.1:8081", Auth: c.auth, TLSCert: c.cert, TLSKey: c.cert, TLSTerminatedByProxy: c.proxy}
			if got := cfg.Authenticates(); got != c.authenticates {
				t.Errorf("authenticates: got %v", got)
			}
			err := cfg.CheckListeners()
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got %v, want it refused for %q", err, c.refused)
			}
		})
	}
}

func TestWhoMayListenForOperators(t *testing.T) {
	for _, c := range []struct {
		name, api, admin string
		auth             Authentication
		cert, refused    string // "" if it may
		authenticates    bool
	}{
		{"loopback", "127.0.0.1:8080", "127.0.0.1:8081", AuthAuto, "", "", false},
		{"beside an API for others", "0.0.0.0:8080", "127.0.0.1:8081", AuthAuto, "cert.pem", "", true},
		{"with keys", "127.0.0.1:8080", "127.0.0.1:8081", AuthRequired, "", "", true},
		{"everywhere", "127.0.0.1:8080", "0.0.0.0:8081", AuthAuto, "cert.pem", "", true},
		{"everywhere in the clear", "127.0.0.1:8080", "0.0.0.0:8081", AuthAuto, "", "SPILLWAY_TLS_CERT", true},
		{"for everyone", "127.0.0.1:8080", "0.0.0.0:8081", AuthOff, "cert.pem", "SPILLWAY_AUTH=off", false},
		{"nowhere", "127.0.0.1:8080", Off, AuthOff, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{APIListen: c.api, AdminListen: c.admin, Auth: c.auth, TLSCert: c.cert, TLSKey: c.cert}
			if got := cfg.AdminAuthenticates(); got != c.authenticates {
				t.Errorf("authenticates: got %v", got)
			}
			err := cfg.CheckListeners()
			if (err == nil) != (c.refused == "") || err != nil && (!strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "SPILLWAY_ADMIN_LISTEN")) {
				t.Errorf("got %v, want it refused for %q", err, c.refused)
			}
		})
	}
}
