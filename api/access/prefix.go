package access

import (
	"net/http"
	"regexp"
	"strings"
)

// headerPrefix names the path under which proxies serve the API. Each proxy
// appends its own, the outermost first.
const headerPrefix = "X-Forwarded-Prefix"

// prefixPath is a path that is safe to repeat in a header: it cannot contain a host.
var prefixPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// maxPrefix is the length of the longest prefix that is accepted, in bytes.
const maxPrefix = 256

// Prefix returns the path under which a proxy serves the API to the caller of r,
// "" for none. It is not known when the header comes from a peer that is not a
// trusted proxy, or is not a path.
func (g *Guard) Prefix(r *http.Request) (prefix string, known bool) {
	lines := r.Header.Values(headerPrefix)
	if len(lines) == 0 {
		return "", true
	}
	if !within(g.cfg.Proxies, parseAddress(r.RemoteAddr)) {
		return "", false
	}
	var parts strings.Builder
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		parts.WriteString(strings.TrimSuffix(strings.TrimSpace(part), "/"))
	}
	if prefix = parts.String(); len(prefix) > maxPrefix || !prefixPath.MatchString(prefix) {
		return "", false
	}
	return prefix, true
}
