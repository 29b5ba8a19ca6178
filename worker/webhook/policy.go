package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// maxURL is the length of a callback URL in bytes.
const maxURL = 2048

// azureWireServer serves an Azure machine its secrets from an address that is
// public by the registries, so the guard's own list lets it pass.
var azureWireServer = netip.MustParsePrefix("168.63.129.16/32")

// Policy says where webhooks may go. The zero Policy is the strict one: https
// on port 443, to public addresses.
type Policy struct {
	AllowHTTP    bool           // plain http too, for development; adds port 80
	AnyPort      bool           // every port, not only those of the schemes
	Ports        []uint16       // further ports, e.g. 8443
	AllowPrivate []netip.Prefix // networks that may be reached although they are not public; wins over Deny
	Deny         []netip.Prefix // networks of the operator's own that are public and must not be reached
	Trust        []netip.Prefix // networks that may be reached whatever they are, by plain http and on every port; wins over Deny
}

// Development returns a policy that also lets webhooks reach this machine, by
// plain http and on every port.
func Development() Policy {
	return Policy{
		AllowHTTP:    true,
		AnyPort:      true,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
}

// CheckURL refuses a callback URL that can not be allowed whatever its name
// resolves to. The text of the error is meant for the caller who sent the URL.
// A nil error does not make the URL safe to connect to: [NewClient] does that.
func (p Policy) CheckURL(raw string) error {
	if len(raw) > maxURL {
		return fmt.Errorf("the URL is longer than %d bytes", maxURL)
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return errors.New("the URL may hold only printable ASCII: percent-encode the path, and write an international domain name as xn--…")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return errors.New("not a URL such as https://hooks.example.com/spillway")
	}
	if u.User != nil {
		return errors.New("the URL must not hold a user name or password")
	}
	if strings.Contains(raw, "#") {
		return errors.New("the URL must not hold a fragment (#…)")
	}
	if err := p.checkPort(u); err != nil {
		return err
	}
	return p.checkHost(u.Hostname())
}

func (p Policy) checkPort(u *url.URL) error {
	port := uint64(443)
	trusted := p.mayTrust(u.Hostname())
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && (p.AllowHTTP || trusted):
		port = 80
	default:
		return errors.New("the URL must begin with https://")
	}
	if given := u.Port(); given != "" {
		var err error
		if port, err = strconv.ParseUint(given, 10, 16); err != nil || port == 0 {
			return errors.New("the URL's port is not a number from 1 to 65535")
		}
	}
	usual := p.AnyPort || slices.Contains(p.ports(), uint16(port))
	if !usual && !trusted {
		return fmt.Errorf("webhooks are not sent to port %d", port)
	}
	// Whether a name stands for a trusted address shows only when it is dialed,
	// and there only the port shows that the scheme was http.
	if usual && u.Scheme == "http" && !p.AllowHTTP && !p.trusts(u.Hostname()) {
		return fmt.Errorf("webhooks are not sent by plain http to port %d", port)
	}
	return nil
}

// mayTrust reports whether a host is in a trusted network, or a name that may
// turn out to be.
func (p Policy) mayTrust(host string) bool {
	_, err := netip.ParseAddr(host)
	return len(p.Trust) > 0 && err != nil || p.trusts(host)
}

// trusts reports whether host is an address in a trusted network.
func (p Policy) trusts(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(p.Trust, func(n netip.Prefix) bool { return n.Contains(addr) })
}

func (p Policy) checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4In6() {
			return errOddAddress
		}
		if !p.trusts(host) && p.guard().SafeAddr(addr) != nil {
			return errPrivate
		}
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return errors.New("the URL's host is not a domain name")
		}
	}
	last := labels[len(labels)-1]
	if isNumber(last) {
		return errOddAddress
	}
	private := len(labels) == 1 || slices.Contains([]string{"localhost", "local", "internal"}, last)
	if private && len(p.AllowPrivate)+len(p.Trust) == 0 {
		return errPrivate
	}
	return nil
}

var (
	errPrivate    = errors.New("the URL's host is not on the public internet")
	errOddAddress = errors.New("write an IP address as four decimal numbers, or better use a domain name")
)

// isNumber reports whether some resolvers read label, the last of a host, as a
// number and so the host as an IPv4 address: 127.1, 2130706433, 0x7f000001.
// The rule is that of the WHATWG URL standard.
func isNumber(label string) bool {
	if digits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func (p Policy) ports() []uint16 {
	ports := append([]uint16{443}, p.Ports...)
	if p.AllowHTTP {
		ports = append(ports, 80)
	}
	return ports
}

// control judges each address that is about to be dialed.
func (p Policy) control() func(network, address string, conn syscall.RawConn) error {
	guard := p.guard()
	return func(network, address string, conn syscall.RawConn) error {
		if host, _, err := net.SplitHostPort(address); err == nil && p.trusts(host) {
			return nil
		}
		return guard.Safe(network, address, conn)
	}
}

// guard returns what judges addresses outside the trusted networks.
func (p Policy) guard() *ssrf.Guardian {
	allow4, allow6 := split(p.AllowPrivate)
	deny4, deny6 := split(p.Deny)
	ports := ssrf.WithPorts(p.ports()...)
	if p.AnyPort {
		ports = ssrf.WithAnyPort()
	}
	return ssrf.New(ports,
		ssrf.WithAllowedV4Prefixes(allow4...), ssrf.WithAllowedV6Prefixes(allow6...),
		ssrf.WithDeniedV4Prefixes(append(deny4, azureWireServer)...), ssrf.WithDeniedV6Prefixes(deny6...))
}

// split separates prefixes by address family.
func split(prefixes []netip.Prefix) (v4, v6 []netip.Prefix) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return v4, v6
}
