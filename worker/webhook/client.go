package webhook

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Timeouts bounds the phases of one delivery. A zero field takes its default.
type Timeouts struct {
	Dial   time.Duration // resolve and connect; default 5 s
	TLS    time.Duration // handshake; default 5 s
	Header time.Duration // from the request sent to the answer's headers read; default 10 s
	Total  time.Duration // all of it, the answer's body included; default 15 s
}

// maxHeader is how much of an answer's headers is read, in bytes.
const maxHeader = 16 << 10

// NewClient returns an HTTP client for addresses that strangers chose. It
// connects only where the policy lets it, judged on the address it is about to
// dial. It uses no proxy (a proxy would be dialed instead, and escape the check),
// follows no redirect, keeps no cookie and no connection, and unpacks nothing.
// It speaks HTTP/1.1, over TLS 1.2 or newer.
func NewClient(p Policy, t Timeouts) *http.Client {
	return &http.Client{
		Timeout:       cmp.Or(t.Total, 15*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            newDialer(p, t).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    cmp.Or(t.TLS, 5*time.Second),
			ResponseHeaderTimeout:  cmp.Or(t.Header, 10*time.Second),
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			// Each try dials anew, so each is judged anew, and none fails on
			// a connection that the receiver has closed meanwhile.
			DisableKeepAlives: true,
		},
	}
}

// newDialer returns a dialer that asks the policy about each address after it
// is resolved and before it is connected to.
func newDialer(p Policy, t Timeouts) *net.Dialer {
	return &net.Dialer{Timeout: cmp.Or(t.Dial, 5*time.Second), Control: p.control()}
}
