package webhook

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// Timeouts bounds the phases of one delivery. A zero field takes its default.
type Timeouts struct {
	Dial   time.Duration // resolve and connect; default 5 s
	TLS    time.Duration // handshake; default 5 s
	Header time.Duration // from the request sent to the answer's headers read; default 10 s
	Body   time.Duration // from there to the end of the answer's body, which does not matter; default 2 s
	Total  time.Duration // all of it; default 15 s
}

const (
	// maxHeader is how much of an answer's headers is read, in bytes.
	maxHeader = 16 << 10
	// maxIdle bounds the connections that are kept for the next delivery, and
	// idleFor is for how long.
	maxIdle = 256
	idleFor = 10 * time.Second
	// keptFor is how long connections serve at most, however busy they are: then
	// a name is looked up, and judged, anew.
	keptFor = time.Minute
)

// NewClient returns an HTTP client for addresses that strangers chose. It
// connects only where the policy lets it, judged on the address it is about to
// dial. It uses no proxy (a proxy would be dialed instead, and escape the check),
// follows no redirect, keeps no cookie, and unpacks nothing. It keeps connections
// for a short while. It speaks HTTP/1.1, over TLS 1.2 or newer.
func NewClient(p Policy, t Timeouts) *http.Client {
	return &http.Client{
		Timeout:       cmp.Or(t.Total, 15*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &renewed{template: newTransport(p, t)},
	}
}

func newTransport(p Policy, t Timeouts) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            newDialer(p, t).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cmp.Or(t.TLS, 5*time.Second),
		ResponseHeaderTimeout:  cmp.Or(t.Header, 10*time.Second),
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleFor,
	}
}

// newDialer returns a dialer that asks the policy about each address after it
// is resolved and before it is connected to.
func newDialer(p Policy, t Timeouts) *net.Dialer {
	return &net.Dialer{Timeout: cmp.Or(t.Dial, 5*time.Second), Control: p.control()}
}

// renewed is a transport that is made anew from its template every keptFor, and
// the connections of which end with it.
type renewed struct {
	template *http.Transport // not used itself

	mu    sync.Mutex
	now   *http.Transport
	since time.Time
}

// RoundTrip makes one exchange.
func (r *renewed) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.transport().RoundTrip(req)
}

func (r *renewed) transport() *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || time.Since(r.since) >= keptFor {
		r.close()
		r.now, r.since = r.template.Clone(), time.Now()
	}
	return r.now
}

// CloseIdleConnections closes what is kept, and what is in use when it comes
// back.
func (r *renewed) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close()
}

// close needs the lock.
func (r *renewed) close() {
	if r.now != nil {
		r.now.CloseIdleConnections()
		r.now = nil
	}
}
