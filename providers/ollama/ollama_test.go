package ollama_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider(url string, client *http.Client) providers.Provider {
	return ollama.New(ollama.Config{BaseURL: url}, client)
}

func TestConformance(t *testing.T) {
	providertest.Run(t, newProvider, providertest.Ollama())
}
