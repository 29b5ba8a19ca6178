package ollama

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// tags is the answer of GET /api/tags.
type tags struct {
	Models wire.List[tag] `json:"models"`
}

type tag struct {
	Name       wire.Text `json:"name"`
	Model      wire.Text `json:"model"`
	RemoteHost wire.Text `json:"remote_host"` // set for models that run in Ollama's cloud
	Details    struct {
		Family        wire.Text   `json:"family"`
		Families      []wire.Text `json:"families"`
		ParameterSize wire.Text   `json:"parameter_size"` // "7.6B"
	} `json:"details"`
}

// Models lists the models that are installed on the server, in its order.
func (p *provider) Models(ctx context.Context) ([]providers.Model, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.BaseURL+"/api/tags", http.NoBody)
	if err != nil {
		return nil, providers.Errorf(providers.ClassBadRequest, "the base URL is not valid").WithCause(err)
	}
	resp, err := outbound.Do(p.client, r, outbound.MaxAnswer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || outbound.BeginsPage(resp) {
		return nil, p.refusal(ctx, resp, "")
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, outbound.Classify(ctx, err)
	}
	return modelsIn(body)
}

// modelsIn reads a list of models.
func modelsIn(body []byte) ([]providers.Model, error) {
	var top struct {
		Models json.RawMessage `json:"models"`
	}
	var list tags
	switch err := wire.Decode(body, &top); {
	case outbound.IsPage(nil, body):
		return nil, providers.Errorf(providers.ClassServer, "%s", outbound.Page(body))
	case err == nil && string(top.Models) == "null":
		// A server without models says so.
	case err != nil, len(top.Models) == 0, top.Models[0] != '[', wire.Decode(body, &list) != nil:
		return nil, providers.Errorf(providers.ClassServer, "the list of models is not in Ollama's format: is the server Ollama?").WithCause(err)
	}
	models := make([]providers.Model, 0, len(list.Models))
	for _, m := range list.Models {
		name := string(cmp.Or(m.Name, m.Model))
		if name == "" || m.RemoteHost != "" || remote(name) {
			continue
		}
		families := []string{string(m.Details.Family)}
		for _, f := range m.Details.Families {
			families = append(families, string(f))
		}
		models = append(models, providers.Model{
			Name:       name,
			Family:     string(m.Details.Family),
			Parameters: parameters(string(m.Details.ParameterSize)),
			Embedding:  embedding(name, families),
		})
	}
	return models, nil
}

// embedding reports whether a model returns embeddings, by its families and name.
func embedding(name string, families []string) bool {
	return strings.Contains(strings.ToLower(name), "embed") ||
		slices.ContainsFunc(families, func(f string) bool { return f == "bert" || strings.HasSuffix(f, "-bert") })
}

// parameters parses a number of parameters such as "7.6B", "494.03M" or "8x7B"; it
// returns 0 if size is not one.
func parameters(size string) int64 {
	units := map[byte]float64{'K': 1e3, 'M': 1e6, 'B': 1e9, 'T': 1e12}
	size = strings.ToUpper(strings.TrimSpace(size))
	if size == "" {
		return 0
	}
	unit, ok := units[size[len(size)-1]]
	if !ok {
		return 0
	}
	n := 1.0
	for factor := range strings.SplitSeq(size[:len(size)-1], "X") {
		f, err := strconv.ParseFloat(factor, 64)
		if err != nil || !(f > 0 && f < 1e6) {
			return 0
		}
		n *= f
	}
	if n *= unit; n > 1e18 {
		return 0
	}
	return int64(n)
}
