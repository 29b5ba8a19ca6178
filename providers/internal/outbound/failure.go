package outbound

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Failure is a response that reports a failure.
type Failure struct {
	Status int
	Header http.Header
	Body   []byte // its beginning
	proxy  string
	host   string
}

// ReadFailure reads and closes a response that reports a failure. It does not wait
// long for a body that does not end. It fails only if ctx has ended.
func ReadFailure(ctx context.Context, resp *http.Response) (*Failure, error) {
	defer func() { _ = resp.Body.Close() }()
	_, stop := Limit(resp.Body, errorTime)
	defer stop()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxError))
	if err != nil && ctx.Err() != nil {
		return nil, providers.Canceled(ctx)
	}
	r := &Failure{Status: resp.StatusCode, Header: resp.Header, Body: body, proxy: ProxyOf(resp)}
	if resp.Request != nil {
		r.host = resp.Request.URL.Host
	}
	return r, nil
}

// Intermediary returns the failure if the response is not from the API but from
// something in front of it: a proxy that requires a password, a redirect, or a web
// page of a login form, a firewall or a gateway. Otherwise it returns nil.
func (r *Failure) Intermediary() *providers.Error {
	class := providers.ClassOfStatus(r.Status)
	page := IsPage(r.Header, r.Body)
	var e *providers.Error
	switch {
	case r.Status == http.StatusProxyAuthRequired:
		e = providers.Errorf(providers.ClassTransport, "an HTTP proxy requires a user and password: set them in the proxy URL")
	case r.Status >= 300 && r.Status < 400 && r.Header.Get("Location") != "":
		e = providers.Errorf(providers.ClassServer, "the server redirects to %s, which was not followed: if that is the API, set it as the base URL", Clean(hostOf(r.Header.Get("Location"))))
	case r.Status == http.StatusNoContent, r.Status == http.StatusResetContent:
		e = providers.Errorf(providers.ClassServer, "the server answered with status %d, which has no content", r.Status)
	case page && r.Status == http.StatusForbidden:
		// A firewall or a login form: an API rejects a key in JSON.
		e = providers.Errorf(providers.ClassServer, "%s", Page(r.Body))
	case page:
		e = providers.Errorf(class, "%s", Page(r.Body))
	default:
		return nil
	}
	return r.complete(e)
}

// Complete adds to a failure that the API itself reported: the status, the proxy
// it came through if a gateway failed, and when to retry.
func (r *Failure) Complete(e *providers.Error) *providers.Error { return r.complete(e) }

func (r *Failure) complete(e *providers.Error) *providers.Error {
	if e.Status == 0 && r.Status != http.StatusOK {
		e.Status = r.Status
	}
	if e.Class.Policy().RetrySame && e.RetryAfter == 0 {
		e.RetryAfter = RetryAfter(e.Class, r.Header, e.Message, time.Now())
	}
	gateway := r.Status == http.StatusBadGateway || r.Status == http.StatusServiceUnavailable || r.Status == http.StatusGatewayTimeout
	if r.proxy != "" && (gateway || r.Status == http.StatusProxyAuthRequired || IsPage(r.Header, r.Body)) {
		e.Message += throughProxy(r.proxy)
	}
	return e
}

// BeginsPage reports whether a response is a web page: its content type says so,
// and it begins with a tag. Some servers send that type with everything. It may
// wait for the first byte, and does not consume the body.
func BeginsPage(resp *http.Response) bool {
	b, ok := resp.Body.(*body)
	if !ok || !typedPage(resp.Header) {
		return false
	}
	in := bufio.NewReader(b.plain)
	b.plain = in
	for n := 1; ; n++ {
		begin, err := in.Peek(n)
		if err != nil {
			return true
		}
		if text := bytes.TrimLeft(bytes.TrimPrefix(begin, []byte("\ufeff")), " \t\r\n"); len(text) > 0 && !bytes.HasPrefix([]byte("\ufeff"), text) { //nolint:gocritic // the text may be the beginning of a byte order mark
			return text[0] == '<'
		}
	}
}

func typedPage(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/html")
}

// IsPage reports whether a response is a web page, by its type and its beginning.
func IsPage(h http.Header, body []byte) bool {
	begin := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))))
	if typedPage(h) && !bytes.HasPrefix(begin, []byte("{")) && !bytes.HasPrefix(begin, []byte("[")) {
		return true
	}
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body", "<script"} {
		if bytes.HasPrefix(begin, []byte(tag)) {
			return true
		}
	}
	return false
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// Page describes a web page that came in place of an answer, with its title.
func Page(body []byte) string {
	titled := ""
	if m := title.FindSubmatch(body); m != nil {
		if name := Clean(string(m[1])); name != "" {
			titled = fmt.Sprintf(" (title %q)", name)
		}
	}
	return "the response is a web page" + titled + ", as from a login form, a firewall or a proxy"
}

// hostOf returns scheme and host of an address, or "another path".
func hostOf(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		if _, after, ok := strings.Cut(host, "@"); ok {
			host = after
		}
		return scheme + "://" + host
	}
	return "another path"
}
