package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/doctor"
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
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	chosen, err := c.choose(cfg)
	if err != nil {
		return err
	}
	var findings []doctor.Finding
	for _, k := range chosen {
		findings = append(findings, doctor.CheckProvider(ctx, cfg, k, doctor.CheckOptions{Generate: c.Generate, Named: len(c.Names) > 0}))
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
func (c providersCheckCommand) choose(cfg config.Config) ([]config.Service, error) {
	if len(c.Names) == 0 {
		return cfg.Services(), nil
	}
	known := slices.Concat(cfg.Services(), cfg.Unused())
	var chosen []config.Service
	for _, name := range c.Names {
		i := slices.IndexFunc(known, func(k config.Service) bool { return k.Preset.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no provider %q; \"spillway providers list\" shows them", name)
		}
		chosen = append(chosen, known[i])
	}
	return chosen, nil
}
