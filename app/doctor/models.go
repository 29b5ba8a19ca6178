package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/modelclient"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks/agents"
)

// examineOllama checks the local models that Ollama serves.
func examineOllama(ctx context.Context, cfg config.Config, all []*agents.Agent) []Finding {
	f := Finding{Check: "ollama"}
	local := ollama.Config{BaseURL: cfg.OllamaURL, NumCtx: cfg.OllamaNumCtx}
	if err := local.Validate(); err != nil {
		return []Finding{f.fail(err.Error(), "correct SPILLWAY_OLLAMA_…")}
	}
	ctx, cancel := context.WithTimeout(ctx, ExamineTimeout)
	defer cancel()
	installed, err := ollama.New(local, modelclient.New(cfg.LocalProxy).Local).Models(ctx)
	if err != nil {
		return []Finding{f.warn(fmt.Sprintf("%s: %v", config.HidePassword(cfg.OllamaURL), err), ollamaAdvice(cfg, err)+"; without it there is no local lane on this machine")}
	}
	findings := []Finding{f.ok(fmt.Sprintf("answers at %s with %s", cfg.OllamaURL, number(len(installed), "model")))}
	missing := map[string][]string{} // model → agents
	for _, a := range all {
		for _, model := range a.Models.Local {
			if !slices.ContainsFunc(installed, func(m providers.Model) bool { return m.Name == model }) {
				missing[model] = append(missing[model], a.ID)
			}
		}
	}
	for model, agents := range missing {
		findings = append(findings, Finding{Check: "model " + model}.warn("not installed; it is the model of "+strings.Join(agents, ", "), "ollama pull "+model))
	}
	slices.SortStableFunc(findings[1:], func(a, b Finding) int { return strings.Compare(a.Check, b.Check) })
	return findings
}

// examineServers asks each local server for its models.
func examineServers(ctx context.Context, cfg config.Config) []Finding {
	var findings []Finding
	for _, k := range cfg.Servers {
		f := Finding{Check: "server " + k.Preset.Name}
		p, err := providerOf(k, cfg)
		if err != nil {
			findings = append(findings, f.fail(err.Error(), "correct its settings"))
			continue
		}
		if models, err := modelsOf(ctx, p); err != nil {
			findings = append(findings, f.warn(err.Error(), advice(k, err)))
		} else {
			findings = append(findings, found(k, f, models))
		}
	}
	return findings
}

// examineClouds asks each cloud whether it takes its key.
func examineClouds(ctx context.Context, cfg config.Config) []Finding {
	if len(cfg.Clouds) == 0 {
		var names []string
		for _, p := range presets.Clouds() {
			names = append(names, p.KeyEnv)
		}
		return []Finding{Finding{Check: "clouds"}.warn("no key is set", "set one of "+strings.Join(names, ", ")+"; without any there is no cloud lane on this machine")}
	}
	var findings []Finding
	for _, k := range cfg.Clouds {
		findings = append(findings, examineCloud(ctx, cfg, k))
	}
	return findings
}

func examineCloud(ctx context.Context, cfg config.Config, k config.Service) Finding {
	f := Finding{Check: "cloud " + k.Preset.Name}
	p, err := providerOf(k, cfg)
	if err != nil {
		return f.fail(err.Error(), "correct "+config.ServiceEnv(k.Preset, "URL"))
	}
	if isUnlisted(k) {
		return f.ok("has a key, which its API lets nobody check without a paid call")
	}
	models, err := modelsOf(ctx, p)
	switch providers.ClassOf(err) {
	case "":
		return f.ok("takes its key, and has " + number(len(models), "model"))
	case providers.ClassAuthDead, providers.ClassQuotaDead:
		return f.fail(err.Error(), advice(k, err))
	default:
		return f.warn(err.Error(), advice(k, err)+"; workers ask again by themselves")
	}
}

// ollamaAdvice says what to do about an Ollama that does not list its models: only
// one that cannot be reached is to be started.
func ollamaAdvice(cfg config.Config, err error) string {
	place := config.HidePassword(cfg.OllamaURL)
	switch providers.ClassOf(err) {
	case providers.ClassTransport:
		return "start it, or set SPILLWAY_OLLAMA_URL"
	case providers.ClassAuthDead:
		return "what answers at " + place + " wants a key: name it in the providers file, with the variable that holds its key as key_env, or set SPILLWAY_OLLAMA_URL"
	case providers.ClassTimeout:
		return "it takes connections and does not answer: look at its log, and at how busy its machine is"
	case providers.ClassServer, providers.ClassOverloaded:
		return "it answers with an error: look at its log"
	}
	return "look whether " + place + " is Ollama, else set SPILLWAY_OLLAMA_URL"
}
