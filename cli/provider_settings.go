package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// cloudKey is a service that can be called: a cloud that there is a key for, or
// a server of one's own.
type cloudKey struct {
	preset  presets.Preset
	key     providers.Secret
	baseURL string
	model   string
}

// cloudOrder is an order of cloud providers by complexity.
type cloudOrder agents.CloudOrder

// UnmarshalText reads "extreme=deepseek,kimi;low=minimax".
func (o *cloudOrder) UnmarshalText(text []byte) error {
	order := cloudOrder{}
	for part := range strings.SplitSeq(string(text), ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, list, ok := strings.Cut(part, "=")
		c := tasks.Complexity(strings.TrimSpace(name))
		if !ok || !c.Known() || order[c] != nil {
			return errors.New("want each complexity once, such as extreme=deepseek,kimi;low=minimax")
		}
		for provider := range strings.SplitSeq(list, ",") {
			if provider = strings.TrimSpace(provider); provider == "" || slices.Contains(order[c], provider) {
				return fmt.Errorf("%s: want providers, each once, separated by commas", c)
			}
			order[c] = append(order[c], strings.TrimSpace(provider))
		}
	}
	*o = order
	return nil
}

// compatibleServers are servers on machines of one's own that speak OpenAI's
// chat API and need no key.
type compatibleServers []presets.Preset

// UnmarshalText reads "farm=http://10.0.0.9:8000/v1,lmstudio=http://127.0.0.1:1234/v1".
func (s *compatibleServers) UnmarshalText(text []byte) error {
	var servers compatibleServers
	for part := range strings.SplitSeq(string(text), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, url, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || !isURL(url) {
			return errors.New("want name=URL, such as farm=http://10.0.0.9:8000/v1, separated by commas")
		}
		if err := presets.CheckName(name); err != nil {
			return err
		}
		servers = append(servers, presets.Generic(name, url, presets.Local))
	}
	*s = servers
	return nil
}

// readServices finds the services that the settings name, and tells what is
// wrong with them. An entry of the user's file stands in place of a cloud of the
// same name; one whose key is not set is left out, so that machines may share a
// file.
func (c *config) readServices() []settingFault {
	const file = envPrefix + "_PROVIDERS_FILE"
	c.Clouds = readCloudKeys()
	c.Servers = nil
	for _, p := range c.OpenaiCompatible {
		c.Servers = append(c.Servers, cloudKey{preset: p})
	}
	var faults []settingFault
	if c.ProvidersFile != "" {
		own, err := presets.Load(c.ProvidersFile)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				faults = append(faults, settingFault{file, line})
			}
		}
		for _, p := range own {
			c.add(p)
		}
	}
	seen := map[string]bool{}
	for _, k := range slices.Concat(c.Clouds, c.Servers) {
		if seen[k.preset.Name] {
			faults = append(faults, settingFault{cmp.Or(c.sourceOf(k.preset.Name), file), fmt.Sprintf("two providers are named %s: give one another name", k.preset.Name)})
		}
		seen[k.preset.Name] = true
	}
	return append(faults, c.orderFaults()...)
}

// add takes over an entry of the user's file.
func (c *config) add(p presets.Preset) {
	named := func(k cloudKey) bool { return k.preset.Name == p.Name }
	k := cloudKey{preset: p}
	if p.KeyEnv != "" {
		if k.key = secretFromEnvironment(p.KeyEnv); k.key.IsZero() {
			c.Clouds = slices.DeleteFunc(c.Clouds, named)
			c.Keyless = append(c.Keyless, p)
			return
		}
	}
	if p.Lane == presets.Local {
		c.Servers = append(c.Servers, k)
		return
	}
	c.Clouds = append(slices.DeleteFunc(c.Clouds, named), k)
}

// bounds returns how many tokens of prompt and answer a model takes, 0 if that is
// not known, and how many of them may be thinking.
func (c config) bounds() func(provider, model string) (context, thinking int) {
	services := c.services()
	return func(provider, model string) (context, thinking int) {
		i := slices.IndexFunc(services, func(k cloudKey) bool { return k.preset.Name == provider })
		if i < 0 {
			return 0, 0
		}
		preset := services[i].preset
		m, _ := preset.Lookup(model)
		context = m.Context
		if preset.Dialect == presets.Ollama {
			context = c.OllamaNumCtx
		}
		return context, preset.ThinkingTokens(model)
	}
}

func (c *config) sourceOf(name string) string {
	if slices.ContainsFunc(c.OpenaiCompatible, func(p presets.Preset) bool { return p.Name == name }) {
		return envPrefix + "_OPENAI_COMPATIBLE"
	}
	return ""
}

// orderFaults tells of names in the order of clouds that stand for nobody.
func (c *config) orderFaults() []settingFault {
	known := map[string]bool{}
	for _, p := range presets.Clouds() {
		known[p.Name] = true
	}
	for _, k := range c.Clouds {
		known[k.preset.Name] = true
	}
	for _, p := range c.Keyless {
		known[p.Name] = true
	}
	var faults []settingFault
	for _, complexity := range tasks.Complexities() {
		for _, name := range c.CloudOrder[complexity] {
			if !known[name] {
				faults = append(faults, settingFault{envPrefix + "_CLOUD_ORDER", fmt.Sprintf("%s: there is no cloud provider %q; \"spillway providers list\" shows them", complexity, name)})
			}
		}
	}
	return faults
}

// readCloudKeys looks for the keys of the clouds that are known. Beside
// DEEPSEEK_API_KEY it reads SPILLWAY_DEEPSEEK_URL and SPILLWAY_DEEPSEEK_MODEL,
// and so on for each.
func readCloudKeys() []cloudKey {
	var keys []cloudKey
	for _, p := range presets.Clouds() {
		if key := secretFromEnvironment(p.KeyEnv); !key.IsZero() {
			keys = append(keys, cloudKey{p, key, os.Getenv(cloudEnv(p, "URL")), os.Getenv(cloudEnv(p, "MODEL"))})
		}
	}
	return keys
}
