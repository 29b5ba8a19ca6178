package outbound

import "net/http"

// proxyFor returns the host of the HTTP proxy that a client sends a request
// through, "" for none.
func proxyFor(client Doer, req *http.Request) string {
	c, ok := client.(*http.Client)
	if !ok {
		return ""
	}
	from := c.Transport
	if from == nil {
		from = http.DefaultTransport
	}
	t, ok := from.(*http.Transport)
	if !ok || t.Proxy == nil {
		return ""
	}
	proxy, err := t.Proxy(req)
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.Host
}

// ProxyOf returns the host of the HTTP proxy that an answer of Do came through,
// "" for none.
func ProxyOf(resp *http.Response) string {
	if b, ok := resp.Body.(*body); ok {
		return b.proxy
	}
	return ""
}

func throughProxy(host string) string { return " (through the HTTP proxy " + host + ")" }
