package shapes

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"

	"github.com/topcentral/spillway/providers"
)

// Foreign lists the shapes of intermediaries, which are the same for every API:
// proxies, gateways, firewalls, captive portals, compression.
func Foreign() []Shape {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	page := func(status int, body string) func(Exchange) {
		return answers(status, html, func(Answer) string { return body })
	}
	return append([]Shape{
		{Name: "login-page", About: "a login page with status 200", Class: providers.ClassServer, Says: "Sign in", Serve: page(200, "<!doctype html>\n<html><head>\n<title>Sign in</title></head><body></body></html>")},
		{Name: "login-page-unlabelled", About: "the same, without its content type", Class: providers.ClassServer, Says: "web page", Serve: answers(200, nil, func(Answer) string { return "\ufeff <html><body>Welcome</body></html>" })},
		{Name: "firewall-page", About: "a firewall's page with status 403", Class: providers.ClassServer, Says: "Attention Required!", Serve: page(403, "<html><head><title>Attention Required!</title></head></html>")},
		{Name: "gateway-page-502", About: "a gateway's page with status 502", Class: providers.ClassServer, Says: "web page", Serve: page(502, "<html>502 Bad Gateway</html>")},
		{Name: "gateway-page-503", About: "a gateway's page with status 503, unlabelled", Class: providers.ClassOverloaded, Says: "web page", Serve: answers(503, nil, func(Answer) string { return "<html>503</html>" })},
		{Name: "proxy-login", About: "a proxy that wants a password", Class: providers.ClassTransport, Says: "proxy", Serve: answers(407, http.Header{"Proxy-Authenticate": {"Basic"}}, func(Answer) string { return "" })},
		{Name: "redirect-302", About: "a redirect to a login page", Class: providers.ClassServer, Says: "http://portal.example", Serve: answers(302, http.Header{"Location": {"http://user:secret@portal.example/login?u=x"}}, func(Answer) string { return "" })},
		{Name: "redirect-307", About: "a redirect that keeps the question", Class: providers.ClassServer, Says: "http://portal.example", Serve: answers(307, http.Header{"Location": {"http://portal.example/v1"}}, func(Answer) string { return "" })},
		{Name: "no-content", About: "status 204", Class: providers.ClassServer, Says: "204", Serve: func(x Exchange) { x.W.WriteHeader(http.StatusNoContent) }},
		{Name: "not-modified", About: "status 304", Class: providers.ClassServer, Serve: func(x Exchange) { x.W.WriteHeader(http.StatusNotModified) }},
		{Name: "early-hints", About: "status 103 before the usual answer", Serve: func(x Exchange) {
			x.W.WriteHeader(http.StatusEarlyHints)
			x.Usual(x.W)
		}},
		{Name: "reset-at-once", About: "the connection breaks before the first byte", Class: providers.ClassTransport, Serve: func(Exchange) { reset() }},
		{Name: "not-http", About: "bytes that are no HTTP", Class: providers.ClassTransport, Serve: raw("SSH-2.0-OpenSSH_9.6\r\n")},
		{Name: "broken-chunk", About: "a chunk whose length is no number", Class: providers.ClassTransport, Serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"a\"\r\n")},
		{Name: "content-length-too-large", About: "a body that is shorter than its length says", Class: providers.ClassTransport, Serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{}")},

		{Name: "brotli", About: "compressed with br, which nobody asked for", Class: providers.ClassServer, Says: "compressed with br", Serve: answers(200, http.Header{"Content-Encoding": {"br"}}, func(Answer) string { return "\x0b\x02\x80" })},
		{Name: "not-deflate", About: "bytes that are not what their encoding says", Class: providers.ClassServer, Serve: answers(200, http.Header{"Content-Encoding": {"deflate"}}, func(Answer) string { return "no such thing" })},
		{Name: "not-gzip", About: "a plain answer that says it is gzip", Class: providers.ClassServer, Serve: answers(200, http.Header{"Content-Encoding": {"gzip"}}, func(Answer) string { return `{"error":{"message":"slow down"}}` })},
	}, compressed()...)
}

// raw returns a Serve that writes bytes instead of a response, and hangs up.
func raw(text string) func(Exchange) {
	return func(x Exchange) {
		conn, _, err := http.NewResponseController(x.W).Hijack()
		if err != nil {
			reset()
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
		reset()
	}
}

// compressed are the usual answers in a compression that was not requested.
func compressed() []Shape {
	opened := func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, flate.DefaultCompression); return z } // the level is valid
	pack := func(a Exchange, encoding string, open func(io.Writer) io.WriteCloser) *bytes.Buffer {
		var packed bytes.Buffer
		z := open(&packed)
		a.Usual(squeezed{a.W, z})
		_ = z.Close()
		a.W.Header().Set("Content-Encoding", encoding)
		return &packed
	}
	whole := func(encoding string, open func(io.Writer) io.WriteCloser) func(Exchange) {
		return func(x Exchange) { _, _ = pack(x, encoding, open).WriteTo(x.W) }
	}
	gzipped := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	return []Shape{
		{Name: "gzip", About: "compressed with gzip, which nobody asked for", Serve: whole("gzip", gzipped)},
		{Name: "deflate", About: "compressed with deflate, which nobody asked for", Serve: whole("deflate", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })},
		{Name: "deflate-bare", About: "the same, without its header", Serve: whole("deflate", opened)},
		{Name: "gzip-length", About: "gzip with its length", Serve: func(x Exchange) {
			packed := pack(x, "gzip", gzipped)
			x.W.Header().Set("Content-Length", strconv.Itoa(packed.Len()))
			_, _ = packed.WriteTo(x.W)
		}},
		{Name: "gzip-cut", About: "gzip that ends in its middle", Class: providers.ClassTransport, Serve: func(x Exchange) {
			packed := pack(x, "gzip", gzipped)
			_, _ = x.W.Write(packed.Bytes()[:packed.Len()/2])
		}},
		{Name: "gzip-wrong-length", About: "gzip that is shorter than its length says", Class: providers.ClassTransport, Serve: func(x Exchange) {
			packed := pack(x, "gzip", gzipped)
			x.W.Header().Set("Content-Length", strconv.Itoa(packed.Len()))
			_, _ = x.W.Write(packed.Bytes()[:packed.Len()/2])
			reset()
		}},
	}
}

// squeezed compresses what is written.
type squeezed struct {
	http.ResponseWriter
	z io.Writer
}

// Write implements io.Writer.
func (s squeezed) Write(b []byte) (int, error) { return s.z.Write(b) }

// WriteHeader does nothing: the status is 200.
func (squeezed) WriteHeader(int) {}
