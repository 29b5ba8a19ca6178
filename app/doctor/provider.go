package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/modelclient"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/output"
	"github.com/topcentral/spillway/providers/presets"
)

// CheckOptions are how thoroughly a provider is checked.
type CheckOptions struct {
	Generate bool // have it write a tiny answer, which a cloud bills
	Named    bool // it was asked for by name, so that its absence is a failure
}

// CheckProvider asks one provider for its models.
func CheckProvider(ctx context.Context, cfg config.Config, k config.Service, opts CheckOptions) Finding {
	f := Finding{Check: k.Preset.Name}
	if k.Preset.KeyEnv != "" && k.Key.IsZero() {
		return f.fail("has no key", "set "+k.Preset.KeyEnv)
	}
	p, err := providerOf(k, cfg)
	if err != nil {
		return f.fail(err.Error(), "correct its settings")
	}
	models, err := modelsOf(ctx, p)
	switch {
	case err != nil && k.Preset.Name == ollama.DefaultName && cfg.OllamaURL == ollama.DefaultBaseURL && !opts.Named:
		return f.warn(err.Error(), ollamaAdvice(cfg, err)+", if there is to be a local lane on this machine")
	case err != nil && k.Preset.Name == ollama.DefaultName:
		return f.fail(err.Error(), ollamaAdvice(cfg, err))
	case err != nil:
		return f.fail(err.Error(), advice(k, err))
	}
	if opts.Generate {
		return generate(ctx, cfg, k, p, models)
	}
	if isUnlisted(k) {
		return f.ok("is set up; whether it takes its key, only --generate shows")
	}
	return found(k, f, models)
}

// modelsOf asks a provider for its models.
func modelsOf(ctx context.Context, p providers.Provider) ([]providers.Model, error) {
	ctx, cancel := context.WithTimeout(ctx, ExamineTimeout)
	defer cancel()
	return p.Models(ctx)
}

// providerOf returns what calls a service.
func providerOf(k config.Service, cfg config.Config) (providers.Provider, error) {
	return k.Preset.New(k.Key, modelclient.New(cfg.LocalProxy).Of(k.Preset.Lane), presets.Overrides{BaseURL: k.BaseURL, Model: k.Model, NumCtx: cfg.OllamaNumCtx})
}

// isUnlisted reports whether a service names its models without being asked.
func isUnlisted(k config.Service) bool {
	return k.Preset.Quirks.StaticModels || k.Preset.Dialect == presets.Coze
}

// found judges the models that a service has.
func found(k config.Service, f Finding, models []providers.Model) Finding {
	want := k.Preset.Resolve(k.Model)
	what := fmt.Sprintf("answers at %s with %s", config.HidePassword(k.Preset.Host(k.BaseURL)), number(len(models), "model"))
	if len(models) == 0 {
		return f.warn(what, "load one")
	}
	if want == "" || slices.ContainsFunc(models, func(m providers.Model) bool { return m.Name == want }) {
		return f.ok(what)
	}
	return f.warn(what+", and "+want+" is not among them", "choose one of them: "+some(models))
}

// some names the first few models.
func some(models []providers.Model) string {
	const few = 8
	var names []string
	for _, m := range models[:min(few, len(models))] {
		names = append(names, m.Name)
	}
	if len(models) > few {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// tiny is a question whose answer costs next to nothing.
var tiny = providers.Request{
	Messages:    []providers.Message{{Role: providers.User, Content: `Answer with the JSON {"ok": true} and nothing else.`}},
	Schema:      json.RawMessage(`{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}`),
	SchemaName:  "check",
	OutputLimit: 64,
}

// generate has a provider write a tiny answer.
func generate(ctx context.Context, cfg config.Config, k config.Service, p providers.Provider, models []providers.Model) Finding {
	f := Finding{Check: k.Preset.Name}
	req := tiny
	req.Model = k.Preset.Resolve(k.Model)
	longest := cfg.CloudTimeout
	if k.Preset.Lane == presets.Local {
		longest = cfg.LocalTimeout
	}
	writers := slices.DeleteFunc(slices.Clone(models), func(m providers.Model) bool { return m.Embedding })
	if req.Model == "" {
		if len(writers) == 0 {
			return f.warn("answers, and has no model that writes text", "load one")
		}
		req.Model = writers[0].Name
	}
	began := time.Now()
	resp, err := providers.WithTimeout(p, longest).Generate(ctx, &req, func(providers.Delta) {})
	if err == nil && resp.Truncated {
		err = providers.Errorf(providers.ClassBadOutput, "the answer was cut off at its limit")
	}
	if err == nil {
		if _, bad := output.Extract(resp.Text); bad != nil {
			err = providers.Errorf(providers.ClassBadOutput, "%v", bad)
		}
	}
	if err != nil {
		return f.fail(req.Model+": "+err.Error(), advice(k, err))
	}
	what := fmt.Sprintf("%s answered in %s", req.Model, providers.Span(time.Since(began)))
	if resp.FirstToken > 0 {
		what += ", its first word after " + providers.Span(resp.FirstToken)
	}
	what += fmt.Sprintf("; %s read, %d written", number(resp.Usage.Input, "token"), resp.Usage.Output)
	if t := k.Preset.Tariff(req.Model); t != nil {
		what += fmt.Sprintf(", $%v", t.Cost(resp.Usage, began))
	}
	return f.ok(what)
}

// advice says what to do about a failure.
func advice(k config.Service, err error) string {
	e, ok := errors.AsType[*providers.Error](err)
	if !ok {
		return "look at the settings of " + k.Preset.Name
	}
	place := config.HidePassword(k.Preset.Host(k.BaseURL))
	switch e.Class {
	case providers.ClassAuthDead:
		text := "it wants a key: name the variable that holds it as key_env in the providers file"
		if k.Preset.KeyEnv != "" {
			text = "put a valid key into " + k.Preset.KeyEnv
		}
		if len(k.Preset.Hosts) > 0 {
			text += "; a key of another region wants " + config.ServiceEnv(k.Preset, "URL")
		}
		return text
	case providers.ClassQuotaDead:
		return "top up the account of " + k.Preset.Title
	case providers.ClassRateLimited:
		return "wait a moment, or raise the account's limits"
	case providers.ClassOverloaded:
		return "try again later"
	case providers.ClassBadRequest, providers.ClassContextOverflow, providers.ClassContentBlocked:
		return "look whether " + place + " is the right base URL, and the model one that it has"
	case providers.ClassBadOutput:
		return "try another model, or another json_mode in the providers file"
	case providers.ClassTimeout, providers.ClassTransport:
		return "look whether this machine reaches " + place
	case providers.ClassServer:
		return "look at its status page or its log, and whether " + place + " speaks this API"
	default:
		return "try again"
	}
}
