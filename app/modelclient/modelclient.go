// Package modelclient makes the HTTP clients that call models.
package modelclient

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/topcentral/spillway/providers/presets"
)

// Clients call models. The lanes have a transport each: what a local model
// is asked is not masked, so it leaves the house by no proxy.
type Clients struct{ Local, Cloud *http.Client }

// New returns the clients of both lanes. Those of the cloud heed
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY; those of the local lane do so only if
// localProxy is true.
func New(localProxy bool) Clients {
	proxy := func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // so http.Transport has it
	if localProxy {
		proxy = http.ProxyFromEnvironment
	}
	return Clients{Local: newModelClient(proxy), Cloud: newModelClient(http.ProxyFromEnvironment)}
}

func newModelClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is documented to be one
	transport.MaxIdleConnsPerHost = 64
	transport.Proxy = proxy
	return &http.Client{Transport: transport, CheckRedirect: stayOnHost}
}

// Of returns the client for a lane.
func (c Clients) Of(lane presets.Lane) *http.Client {
	if lane == presets.Local {
		return c.Local
	}
	return c.Cloud
}

// CloseIdle closes the connections that no call uses.
func (c Clients) CloseIdle() error {
	c.Local.CloseIdleConnections()
	c.Cloud.CloseIdleConnections()
	return nil
}

// stayOnHost follows redirects only to the host that was called, and never from
// https to http: a prompt is not sent on to another house.
func stayOnHost(req *http.Request, via []*http.Request) error {
	const most = 5
	if len(via) >= most || !strings.EqualFold(req.URL.Host, via[0].URL.Host) || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return http.ErrUseLastResponse
	}
	return nil
}
