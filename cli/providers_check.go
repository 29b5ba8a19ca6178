package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/ollama"
	"github.com/topcentral/spillway/providers/output"
	"github.com/topcentral/spillway/providers/presets"
)

type providersCheckCommand struct {
	Names    []string `arg:"" optional:"" name:"name" help:"Providers to ask; all that are set up by default."`
	Generate bool     `help:"Also have each one write a tiny answer, which a cloud bills."`
}

// Help gives examples.
func (providersCheckCommand) Help() string {
	return "Asks each provider for its models, and says what to do about one that does not answer as it should. The\n" +
		"exit code is 1 if one has failed.\n\n" +
		"Examples:\n  spillway providers check\n  DEEPSEEK_API_KEY=… spillway providers check deepseek --generate"
}

// Run prints what each provider answered.
func (c providersCheckCommand) Run(ctx context.Context, s streams) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	chosen, err := c.choose(cfg)
	if err != nil {
		return err
	}
	var findings []finding
	for _, k := range chosen {
		findings = append(findings, checkProvider(ctx, cfg, k, checkOptions{Generate: c.Generate, Named: len(c.Names) > 0}))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if failed := printFindings(s.out, findings); failed > 0 {
		return fmt.Errorf("%d of %d providers failed", failed, len(findings))
	}
	return nil
}

// choose returns the providers of the given names, or all that are set up.
func (c providersCheckCommand) choose(cfg config) ([]cloudKey, error) {
	if len(c.Names) == 0 {
		return cfg.services(), nil
	}
	known := slices.Concat(cfg.services(), cfg.unused())
	var chosen []cloudKey
	for _, name := range c.Names {
		i := slices.IndexFunc(known, func(k cloudKey) bool { return k.preset.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no provider %q; \"spillway providers list\" shows them", name)
		}
		chosen = append(chosen, known[i])
	}
	return chosen, nil
}

// checkOptions are how thoroughly a provider is checked.
type checkOptions struct {
	Generate bool // have it write a tiny answer, which a cloud bills
	Named    bool // it was asked for by name, so that its absence is a failure
}

// checkProvider asks one provider for its models.
func checkProvider(ctx context.Context, cfg config, k cloudKey, opts checkOptions) finding {
	f := finding{check: k.preset.Name}
	if k.preset.KeyEnv != "" && k.key.IsZero() {
		return f.fail("has no key", "set "+k.preset.KeyEnv)
	}
	p, err := providerOf(k, cfg)
	if err != nil {
		return f.fail(err.Error(), "correct its settings")
	}
	models, err := modelsOf(ctx, p)
	switch {
	case err != nil && k.preset.Name == ollama.DefaultName && cfg.OllamaURL == ollama.DefaultBaseURL && !opts.Named:
		return f.warn(err.Error(), "start it, or set SPILLWAY_OLLAMA_URL, if there is to be a local lane on this machine")
	case err != nil:
		return f.fail(err.Error(), advice(k, err))
	}
	if opts.Generate {
		return generate(ctx, cfg, k, p, models)
	}
	if isUnlisted(k) {
		return f.ok("is set up; whether it takes its key, only --generate tells")
	}
	return found(k, f, models)
}

// modelsOf asks a provider for its models.
func modelsOf(ctx context.Context, p providers.Provider) ([]providers.Model, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	return p.Models(ctx)
}

// providerOf returns what calls a service.
func providerOf(k cloudKey, cfg config) (providers.Provider, error) {
	return k.preset.New(k.key, newModelClients(cfg.LocalProxy).of(k.preset.Lane), presets.Overrides{BaseURL: k.baseURL, Model: k.model, NumCtx: cfg.OllamaNumCtx})
}

// isUnlisted reports whether a service names its models without being asked.
func isUnlisted(k cloudKey) bool {
	return k.preset.Quirks.StaticModels || k.preset.Dialect == presets.Coze
}

// found judges the models that a service has.
func found(k cloudKey, f finding, models []providers.Model) finding {
	want := k.preset.Resolve(k.model)
	what := fmt.Sprintf("answers at %s with %s", withoutPassword(k.preset.Host(k.baseURL)), number(len(models), "model"))
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
func generate(ctx context.Context, cfg config, k cloudKey, p providers.Provider, models []providers.Model) finding {
	f := finding{check: k.preset.Name}
	req := tiny
	req.Model = k.preset.Resolve(k.model)
	longest := cfg.CloudTimeout
	if k.preset.Lane == presets.Local {
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
	if t := k.preset.Tariff(req.Model); t != nil {
		what += fmt.Sprintf(", $%v", t.Cost(resp.Usage, began))
	}
	return f.ok(what)
}

// advice says what to do about a failure.
func advice(k cloudKey, err error) string {
	e, ok := errors.AsType[*providers.Error](err)
	if !ok {
		return "look at the settings of " + k.preset.Name
	}
	place := withoutPassword(k.preset.Host(k.baseURL))
	switch e.Class {
	case providers.ClassAuthDead:
		text := "it wants a key: name the variable that holds it as key_env in the providers file"
		if k.preset.KeyEnv != "" {
			text = "put a valid key into " + k.preset.KeyEnv
		}
		if len(k.preset.Hosts) > 0 {
			text += "; a key of another region wants " + cloudEnv(k.preset, "URL")
		}
		return text
	case providers.ClassQuotaDead:
		return "top up the account of " + k.preset.Title
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
