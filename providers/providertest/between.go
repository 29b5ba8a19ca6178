package providertest

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
)

// between tests answers that are not the service's own: something stands between.
func (k *kit) between(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  providers.Class
		says   string
	}{
		{"a login page", 200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, "<!doctype html><title>Sign in</title>", providers.ClassServer, "web page"},
		{"a page that does not say so", 200, nil, "\ufeff <html><body>Welcome</body></html>", providers.ClassServer, "web page"},
		{"a firewall's page", 403, http.Header{"Content-Type": {"text/html"}}, "<html><head><title>Attention Required!</title></head></html>", providers.ClassServer, "Attention Required!"},
		{"a gateway's page", 502, http.Header{"Content-Type": {"text/html"}}, "<html>502 Bad Gateway</html>", providers.ClassServer, "web page"},
		{"a gateway's page while it is busy", 503, nil, "<html>503</html>", providers.ClassOverloaded, "web page"},
		{"a proxy that wants a password", 407, http.Header{"Proxy-Authenticate": {"Basic"}}, "", providers.ClassTransport, "proxy"},
		{"a portal somewhere else", 302, http.Header{"Location": {"http://user:secret@portal.example/login?u=x"}}, "", providers.ClassServer, "http://portal.example"},
		{"a redirect that keeps the question", 307, http.Header{"Location": {"http://portal.example/v1"}}, "", providers.ClassServer, "http://portal.example"},
		{"an encoding that nobody asked for", 200, http.Header{"Content-Encoding": {"br"}}, "\x0b\x02\x80", providers.ClassServer, "compressed with br"},
		{"bytes that are not what they say", 200, http.Header{"Content-Encoding": {"deflate"}}, "no such thing", providers.ClassServer, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), c.header)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(s.Close)
			client := s.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			_, _, _, err := ask(t.Context(), k.newProvider(s.URL, client))
			wantClass(t, err, c.class)
			if e, _ := errors.AsType[*providers.Error](err); !strings.Contains(e.Message, c.says) || strings.Contains(e.Message, "secret") {
				t.Errorf("message %q, want %q in it", e.Message, c.says)
			}
		})
	}
}

// compressed tests answers that are compressed although nobody asked for it.
func (k *kit) compressed(t *testing.T) {
	for name, open := range map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"deflate, without its header": func(w io.Writer) io.WriteCloser {
			z, err := flate.NewWriter(w, flate.DefaultCompression)
			if err != nil {
				panic(err)
			}
			return z
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := k.says(FakeUsage, false, providers.Delta{Text: `{"a":`}, providers.Delta{Text: `1}`})
			if k.dialect.Route != nil {
				h = k.dialect.Route(h)
			}
			encoding, _, _ := strings.Cut(name, ",")
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", encoding)
				z := open(w)
				h(squeezed{w, z}, r)
				_ = z.Close()
			}))
			t.Cleanup(s.Close)
			client := s.Client()
			transport := client.Transport.(*http.Transport).Clone() //nolint:forcetypeassert // httptest's is one
			transport.DisableCompression = true                     // so that net/http does not ask
			client.Transport = transport
			t.Cleanup(client.CloseIdleConnections)
			text, _, resp, err := ask(t.Context(), k.newProvider(s.URL, client))
			if err != nil || resp.Text != `{"a":1}` || text != resp.Text || resp.Usage != FakeUsage {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	}
}

// squeezed compresses what is written.
type squeezed struct {
	http.ResponseWriter
	z io.Writer
}

func (s squeezed) Write(b []byte) (int, error) { return s.z.Write(b) }
