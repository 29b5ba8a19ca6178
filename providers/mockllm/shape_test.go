package mockllm_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/providertest"
)

// TestShapes asks the server for every shape by its name, and tests what the
// providers make of it.
func TestShapes(t *testing.T) {
	for name, list := range map[string][]shapes.Shape{mockllm.Ollama: shapes.Ollama(), mockllm.DeepSeek: shapes.OpenAI()} {
		preset, _ := presets.Lookup(name)
		p := presetSubject(t, preset)
		for _, s := range list {
			t.Run(name+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				inShape(t, p, s)
			})
		}
	}
}

func inShape(t *testing.T, p subject, s shapes.Shape) {
	t.Helper()
	server := mockllm.New(mockllm.Config{})
	web := httptest.NewServer(server)
	defer web.Close()
	client := web.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	models := []string{p.model, "b-embed"}
	if err := server.Set(p.name, mockllm.Behavior{Shape: s.Name, Answer: providertest.Sample.Text, Models: models}); err != nil {
		t.Fatal(err)
	}
	provider := p.make(web.URL+mockllm.Path(p.name), client)
	if s.List != nil {
		providertest.CheckModels(t, provider, s, models...)
		return
	}
	req := providertest.Question()
	req.Model = p.model
	s.Uncounted = s.Uncounted || s.Name == "refuses-stream-options" // without them the service does not count
	want := shapes.Answer{Text: providertest.Sample.Text, Reasoning: "let me see", Usage: usageOf(t, server, p, provider, req)}
	if p.name == mockllm.Ollama { // its model reasons
		want.Reasoning = strings.TrimSpace(strings.Repeat("let me see ", 11))
	}
	providertest.CheckAnswer(t, provider, req, s, want)
}

// usageOf asks without a shape, and returns what the server counts.
func usageOf(t *testing.T, server *mockllm.Server, p subject, provider providers.Provider, req *providers.Request) providers.Usage {
	t.Helper()
	was := server.Behavior(p.name)
	if err := server.Set(p.name, mockllm.Behavior{Answer: was.Answer, Models: was.Models}); err != nil {
		t.Fatal(err)
	}
	resp, err := provider.Generate(t.Context(), req, func(providers.Delta) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Set(p.name, was); err != nil {
		t.Fatal(err)
	}
	return providers.Usage{Input: resp.Usage.Input, Output: resp.Usage.Output}
}

func TestShapesByName(t *testing.T) {
	all := mockllm.Shapes()
	i := slices.IndexFunc(all, func(s mockllm.Shape) bool { return s.Name == "crlf" })
	if i < 0 || !slices.Equal(all[i].Dialects, []string{"ollama", "openai"}) {
		t.Errorf("crlf is of %v", all[i].Dialects)
	}
	server := mockllm.New(mockllm.Config{})
	if err := server.Set(mockllm.All, mockllm.Behavior{Shape: "as-events"}); err != nil {
		t.Fatal(err)
	}
	if got := server.Behavior(mockllm.Ollama).Shape; got != "as-events" {
		t.Errorf("ollama answers in %q", got)
	}
	if got := server.Behavior(mockllm.Kimi).Shape; got != "" {
		t.Errorf("kimi answers in %q", got)
	}
	for provider, shape := range map[string]string{mockllm.Kimi: "as-events", mockllm.Coze: "crlf", mockllm.All: "square"} {
		if err := server.Set(provider, mockllm.Behavior{Shape: shape}); err == nil || !strings.Contains(err.Error(), shape) {
			t.Errorf("%s in %s: %v", provider, shape, err)
		}
	}
}
