package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ParseNetworks reads networks such as 10.0.0.0/8, and single addresses,
// separated by spaces or commas.
func ParseNetworks(list string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range splitList(list) {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/8", text)
			}
			n = netip.PrefixFrom(addr, addr.BitLen())
		}
		networks = append(networks, n.Masked())
	}
	return networks, nil
}

// within reports whether one of the networks contains the address.
func within(networks []netip.Prefix, address netip.Addr) bool {
	return address.IsValid() && slices.ContainsFunc(networks, func(n netip.Prefix) bool {
		if a := n.Addr(); a.Is4In6() && n.Bits() >= 96 {
			n = netip.PrefixFrom(a.Unmap(), n.Bits()-96)
		}
		return n.Contains(address)
	})
}

// ClientAddress returns the address a request comes from: the peer of its connection,
// unless that is a trusted proxy. Proxies append the address of their peer to
// X-Forwarded-For, so the client is then the last one there that is not a trusted
// proxy; the client itself may have sent those before it. The zero Addr is an unknown
// address, such as that of a hop that hides it; no network contains it.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	address := parseAddress(r.RemoteAddr)
	if !within(trusted, address) {
		return address
	}
	lines := r.Header.Values("X-Forwarded-For")
	if len(lines) == 0 {
		return address // the proxy's own request
	}
	for _, hop := range slices.Backward(strings.Split(strings.Join(lines, ","), ",")) {
		if address = parseAddress(strings.TrimSpace(hop)); !within(trusted, address) {
			return address
		}
	}
	return address
}

// localName reports whether the host of a request, with or without a port, is one that
// no DNS record can point at this machine.
func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.EqualFold(host, "localhost") || parseAddress(host).IsValid()
}

// parseAddress reads an address, with or without a port, in its plain form.
func parseAddress(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
