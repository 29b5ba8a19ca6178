package cli

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/topcentral/spillway/providers/presets"
)

// modelClients call models. The lanes have a transport each: what a local model
// is asked is not masked, so it leaves the house by no proxy.
type modelClients struct{ local, cloud *http.Client }

// newModelClients returns the clients of both lanes. Those of the cloud heed
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY; those of the local lane do so only if
// localProxy is true.
func newModelClients(localProxy bool) modelClients {
	proxy := func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // so http.Transport has it
	if localProxy {
		proxy = http.ProxyFromEnvironment
	}
	return modelClients{local: newModelClient(proxy), cloud: newModelClient(http.ProxyFromEnvironment)}
}

func newModelClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is documented to be one
	transport.MaxIdleConnsPerHost = 64
	transport.Proxy = proxy
	return &http.Client{Transport: transport, CheckRedirect: stayOnHost}
}

// of returns the client for a lane.
func (c modelClients) of(lane presets.Lane) *http.Client {
	if lane == presets.Local {
		return c.local
	}
	return c.cloud
}

func (c modelClients) closeIdle() error {
	c.local.CloseIdleConnections()
	c.cloud.CloseIdleConnections()
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

// proxyFinding says which way the lanes' calls take where a proxy is set.
func proxyFinding(cfg config) []finding {
	name, value := proxy()
	if name == "" {
		return nil
	}
	f, place := finding{check: "proxy"}, name+" ("+withoutPassword(value)+")"
	if cfg.LocalProxy {
		return []finding{f.warn("calls to both lanes go through "+place+"; prompts for local models are not masked",
			"unset SPILLWAY_LOCAL_PROXY unless local models cannot be reached otherwise")}
	}
	return []finding{f.ok("calls to clouds go through " + place + ", calls to local models do not")}
}
