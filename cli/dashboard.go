package cli

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
)

// dashboard returns Asynqmon, which can only look: Spillway's own commands keep
// jobs and tickets in step, and it knows only tickets.
func (s *system) dashboard() (http.Handler, error) {
	opts, err := asynq.ParseRedisURI(s.cfg.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	h := asynqmon.New(asynqmon.Options{RedisConnOpt: opts, ReadOnly: true})
	s.cleanup.add("dashboard", h.Close)
	return ownHosts(s.cfg.DashboardListen, http.NewCrossOriginProtection().Handler(h)), nil
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
			http.Error(w, "This dashboard is not served under that name; use the address that spillway dev printed.", http.StatusMisdirectedRequest)
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
