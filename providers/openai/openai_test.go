package openai_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-test-0123456789abcdef"

func config(url string) openai.Config {
	return openai.Config{Name: "test", BaseURL: url + "/v1", Key: providers.NewSecret(key)}
}

func TestConformance(t *testing.T) {
	for _, mode := range []openai.JSONMode{openai.JSONNone, openai.JSONObject, openai.JSONSchema} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			dialect := providertest.OpenAI()
			if mode != openai.JSONSchema { // the shapes of answers do not depend on it
				dialect.Shapes = nil
			}
			providertest.Run(t, func(url string, client *http.Client) providers.Provider {
				c := config(url)
				c.Quirks.JSONMode, c.Quirks.Temperature = mode, &openai.Range{Max: 2}
				return openai.New(c, client)
			}, dialect)
		})
	}
}
