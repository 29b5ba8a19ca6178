package config

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
)

// Cloud returns the settings of a cloud.
func (c Config) Cloud(name string) (k Service, ok bool) {
	i := slices.IndexFunc(c.Clouds, func(k Service) bool { return k.Preset.Name == name })
	if i < 0 {
		return k, false
	}
	return c.Clouds[i], true
}

// LaneOf returns a function that names the lane on which a provider answers, ""
// for one that neither the presets nor the settings of this process have.
func (c Config) LaneOf() func(provider string) tasks.Lane {
	lanes := map[string]tasks.Lane{}
	add := func(p presets.Preset) {
		lanes[p.Name] = tasks.Cloud
		if p.Lane == presets.Local {
			lanes[p.Name] = tasks.Local
		}
	}
	for _, p := range presets.All() {
		add(p)
	}
	for _, k := range slices.Concat(c.Clouds, c.Servers) {
		add(k.Preset)
	}
	lanes["ollama"] = tasks.Local
	return func(provider string) tasks.Lane { return lanes[provider] }
}

// readServices finds the services that the settings name, and reports what is
// wrong with them. An entry of the user's file replaces a cloud of the
// same name; one whose key is not set is left out, so that machines may share a
// file.
func (c *Config) readServices() []settingFault {
	const file = EnvPrefix + "_PROVIDERS_FILE"
	c.Clouds = readCloudKeys()
	c.Servers = nil
	for _, p := range c.OpenaiCompatible {
		c.Servers = append(c.Servers, Service{Preset: p})
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
		if seen[k.Preset.Name] {
			faults = append(faults, settingFault{cmp.Or(c.sourceOf(k.Preset.Name), file), fmt.Sprintf("two providers are named %s: give one another name", k.Preset.Name)})
		}
		seen[k.Preset.Name] = true
	}
	return append(faults, c.orderFaults()...)
}

// add takes over an entry of the user's file.
func (c *Config) add(p presets.Preset) {
	named := func(k Service) bool { return k.Preset.Name == p.Name }
	k := Service{Preset: p}
	if p.KeyEnv != "" {
		if k.Key = secretFromEnvironment(p.KeyEnv); k.Key.IsZero() {
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

// Bounds returns how many tokens of prompt and answer a model takes, 0 if that is
// not known, and how many of them may be thinking.
func (c Config) Bounds() func(provider, model string) (context, thinking int) {
	services := c.Services()
	return func(provider, model string) (context, thinking int) {
		i := slices.IndexFunc(services, func(k Service) bool { return k.Preset.Name == provider })
		if i < 0 {
			return 0, 0
		}
		preset := services[i].Preset
		m, _ := preset.Lookup(model)
		context = m.Context
		if preset.Dialect == presets.Ollama {
			context = c.OllamaNumCtx
		}
		return context, preset.ThinkingTokens(model)
	}
}

func (c *Config) sourceOf(name string) string {
	if slices.ContainsFunc(c.OpenaiCompatible, func(p presets.Preset) bool { return p.Name == name }) {
		return EnvPrefix + "_OPENAI_COMPATIBLE"
	}
	return ""
}

// orderFaults reports names in the order of clouds that match no provider.
func (c *Config) orderFaults() []settingFault {
	known := map[string]bool{}
	for _, p := range presets.Clouds() {
		known[p.Name] = true
	}
	for _, k := range c.Clouds {
		known[k.Preset.Name] = true
	}
	for _, p := range c.Keyless {
		known[p.Name] = true
	}
	var faults []settingFault
	for _, complexity := range tasks.Complexities() {
		for _, name := range c.CloudOrder[complexity] {
			if !known[name] {
				faults = append(faults, settingFault{EnvPrefix + "_CLOUD_ORDER", fmt.Sprintf("%s: there is no cloud provider %q; \"spillway providers list\" shows them", complexity, name)})
			}
		}
	}
	return faults
}

// readCloudKeys looks for the keys of the clouds that are known. Beside
// DEEPSEEK_API_KEY it reads SPILLWAY_DEEPSEEK_URL and SPILLWAY_DEEPSEEK_MODEL,
// and so on for each.
func readCloudKeys() []Service {
	var keys []Service
	for _, p := range presets.Clouds() {
		if key := secretFromEnvironment(p.KeyEnv); !key.IsZero() {
			keys = append(keys, Service{p, key, os.Getenv(ServiceEnv(p, "URL")), os.Getenv(ServiceEnv(p, "MODEL"))})
		}
	}
	return keys
}

// LongestCall is how long a call may take on each lane.
func (c Config) LongestCall() map[tasks.Lane]time.Duration {
	return map[tasks.Lane]time.Duration{tasks.Local: c.LocalTimeout, tasks.Cloud: c.CloudTimeout}
}

// Services are all that workers with these settings call, local ones first.
func (c Config) Services() []Service {
	local, _ := presets.Lookup("ollama")
	return slices.Concat([]Service{{Preset: local, BaseURL: c.OllamaURL}}, c.Servers, c.Clouds)
}

// Unused are those that are known and have no key.
func (c Config) Unused() []Service {
	used := c.Services()
	var all []Service
	for _, p := range slices.Concat(c.Keyless, presets.Clouds()) {
		if !slices.ContainsFunc(slices.Concat(used, all), func(k Service) bool { return k.Preset.Name == p.Name }) {
			all = append(all, Service{Preset: p, BaseURL: os.Getenv(ServiceEnv(p, "URL")), Model: os.Getenv(ServiceEnv(p, "MODEL"))})
		}
	}
	return all
}

// LimitOf returns the limits of a model, and with what it shares them: those of the
// clouds, and of whatever else has some set. Without limits the scope is "".
func (c Config) LimitOf(provider, model string) (scope string, l providers.Limits) {
	k, cloud := c.Cloud(provider)
	if !cloud && !slices.Contains(c.Limits.Names(), provider) {
		return "", l
	}
	own := false
	if cloud {
		model = k.Preset.Resolve(model)
		l, own = k.Preset.LimitsOf(model)
	}
	scope = provider
	if l, own = c.Limits.Apply(provider, model, l, own); own {
		scope += "/" + model
	}
	return scope, l
}
