package presets

import (
	"net/http"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
)

// TestEveryPresetKeepsTheContract runs each preset, quirks and all, against the
// dialect that it speaks. Coze, which takes its time, is tested in its package.
func TestEveryPresetKeepsTheContract(t *testing.T) {
	dialects := map[Dialect]providertest.Dialect{OpenAI: providertest.OpenAI(), Ollama: providertest.Ollama()}
	for _, p := range append(All(), Generic("farm", "http://x/v1", Local)) {
		dialect, ok := dialects[p.Dialect]
		if !ok {
			continue
		}
		dialect.Lacks.Models = p.Quirks.StaticModels
		t.Run(p.Name, func(t *testing.T) {
			providertest.Run(t, func(url string, client *http.Client) providers.Provider {
				provider, err := p.New(providers.NewSecret("k"), client, Overrides{BaseURL: url})
				if err != nil {
					t.Fatal(err)
				}
				return provider
			}, dialect)
		})
	}
}
