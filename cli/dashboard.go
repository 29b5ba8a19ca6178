package cli

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/topcentral/spillway/api/admin"
)

// listenAdmin opens the listener for operators, nil if there is to be none.
func (s *system) listenAdmin() (net.Listener, error) {
	if s.cfg.AdminListen == adminOff {
		return nil, nil //nolint:nilnil // none is no error
	}
	return s.listenSafely(s.cfg.AdminListen, "SPILLWAY_ADMIN_LISTEN")
}

// serveAdmin serves operators on l until ctx ends.
func (s *system) serveAdmin(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	guard, err := s.adminGuard(ctx)
	if err != nil {
		return err
	}
	login := s.cfg.adminAuthenticates()
	h, err := admin.New(admin.Config{Guard: guard, Login: login, Audit: s.audit, Log: s.log, Queues: s.rdb, Health: s.health})
	if err != nil {
		return err
	}
	if !login {
		h = ownHosts(s.cfg.AdminListen, h)
	}
	s.log.Info("serving operators", "address", l.Addr().String(), "scheme", s.cfg.scheme(), "login", login)
	return serveHTTP(ctx, l, h, s.log)
}

// ownHosts refuses requests that are meant for another host than this one: a web
// page elsewhere could have its own name resolve to this machine (DNS rebinding)
// and so read what is served without a login. It accepts localhost, loopback
// addresses, the address that the connection was made to, and the host of addr,
// where the server was told to listen.
func ownHosts(addr string, next http.Handler) http.Handler {
	listening, _, _ := net.SplitHostPort(addr) // "" is no host of a request
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		ip, err := netip.ParseAddr(host)
		switch {
		case err == nil && ip.IsLoopback(), host == "localhost", host != "" && host == strings.ToLower(listening),
			err == nil && local != nil && host == hostOf(local.String()):
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "This dashboard is not served under that name; use the address that Spillway printed.", http.StatusMisdirectedRequest)
		}
	})
}

// hostOf returns the host of "host", "host:port", "[v6]" or "[v6]:port", in lower case.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(host)
}
