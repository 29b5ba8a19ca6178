package providertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
)

// Sample is what servers answer in the shapes of the conformance test. It has a
// digit, a character of three bytes and one outside the basic plane.
var Sample = shapes.Answer{Text: `{"a": 1, "b": "好 🚀"}`, Reasoning: "Hm. Yes.", Usage: providers.Usage{Input: 90, Output: 60}}

// shapes tests what is made of every shape that the dialect's servers answer in.
func (k *kit) shapes(t *testing.T) {
	for _, s := range k.dialect.Shapes {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			k.shape(t, s, func(*httptest.Server, *http.Transport) {})
			if strings.HasPrefix(s.Name, "gzip") { // net/http decompresses by itself only what it has asked for
				k.shape(t, s, func(_ *httptest.Server, client *http.Transport) { client.DisableCompression = false })
			}
			if strings.HasPrefix(s.Name, "reset-") || strings.HasPrefix(s.Name, "hang") {
				k.shape(t, s, func(server *httptest.Server, _ *http.Transport) { server.EnableHTTP2 = true })
			}
		})
	}
}

// shape tests one shape, with a server and a client that configure has changed.
func (k *kit) shape(t *testing.T, s shapes.Shape, configure func(*httptest.Server, *http.Transport)) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewUnstartedServer(k.inShape(s, &calls))
	configure(server, &http.Transport{})
	if server.EnableHTTP2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport := client.Transport.(*http.Transport) //nolint:forcetypeassert // httptest's is one
	transport.DisableCompression = true
	configure(server, transport)
	defer client.CloseIdleConnections()
	p := k.newProvider(server.URL, client)
	if s.List != nil {
		CheckModels(t, p, s, "a", "b-embed")
		return
	}
	CheckAnswer(t, p, Question(), s, Sample)
	if got, want := calls.Load(), int32(max(1, s.Calls)); got > want && k.dialect.Route == nil { //nolint:gosec // a handful
		t.Errorf("%d calls, want at most %d", got, want)
	}
}

// inShape serves the Sample in a shape.
func (k *kit) inShape(s shapes.Shape, calls *atomic.Int32) http.HandlerFunc {
	first, second, _ := strings.Cut(Sample.Text, ",")
	usual := k.says(Sample.Usage, false, providers.Delta{Text: first + ","}, providers.Delta{Text: second})
	if k.dialect.Route != nil {
		usual = k.dialect.Route(usual)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if s.List != nil {
			_, _ = io.WriteString(w, s.List("a", "b-embed"))
			return
		}
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.Serve(shapes.Exchange{Answer: Sample, W: w, R: r, Body: body, Usual: func(w http.ResponseWriter) { usual(w, r) }})
	}
}

// CheckAnswer asks p and tests what it makes of an answer that comes in a shape.
func CheckAnswer(t *testing.T, p providers.Provider, req *providers.Request, s shapes.Shape, want shapes.Answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), promptly)
	defer cancel()
	var text, reasoning string
	resp, err := p.Generate(ctx, req, func(d providers.Delta) { text, reasoning = text+d.Text, reasoning+d.Reasoning })
	if s.Class != "" {
		wantClass(t, err, s.Class)
		if e, _ := errors.AsType[*providers.Error](err); !strings.Contains(e.Message, s.Says) || e.RetryAfter < s.Wait || strings.Contains(e.Message, "secret") {
			t.Errorf("message %q, to be asked again after %v", e.Message, e.RetryAfter)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.Text != nil {
		want.Text = s.Text(want.Text)
	}
	if !s.Reasons {
		want.Reasoning = reasoning // of an answer that was first taken for it
	}
	if s.Uncounted {
		want.Usage = providers.Usage{}
	}
	if resp.Text != want.Text || text != resp.Text || reasoning != want.Reasoning || s.Reasons && resp.Reasoning != reasoning {
		t.Errorf("text %q, deltas %q, reasoning %q, deltas %q; want %q", resp.Text, text, resp.Reasoning, reasoning, want.Text)
	}
	if u := (providers.Usage{Input: resp.Usage.Input, Output: resp.Usage.Output}); u != want.Usage || resp.Truncated != s.Truncated {
		t.Errorf("usage %+v, truncated %t; want %+v", u, resp.Truncated, want.Usage)
	}
}

// CheckModels tests what p makes of a list of models that comes in a shape.
func CheckModels(t *testing.T, p providers.Provider, s shapes.Shape, want ...string) {
	t.Helper()
	models, err := p.Models(t.Context())
	if s.Class != "" {
		wantClass(t, err, s.Class)
		if e, _ := errors.AsType[*providers.Error](err); !strings.Contains(e.Message, s.Says) {
			t.Errorf("message %q", e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
		if m.Embedding != strings.Contains(m.Name, "embed") {
			t.Errorf("%s: embedding is %t", m.Name, m.Embedding)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("models %q, want %q", names, want)
	}
}
