package agents

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/topcentral/spillway/tasks"
)

var (
	variantForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	candidateForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(/\S+)?$`)
)

const maxWeight = 1_000_000

// variantProblems checks the arms of an experiment.
func variantProblems(def tasks.Agent) []problem {
	var ps []problem
	add := func(format string, args ...any) {
		ps = append(ps, problem{"variants", fmt.Sprintf(format, args...)})
	}
	for i, v := range def.Variants {
		if !variantForm.MatchString(v.Name) {
			add("%q is not a name such as terse; small letters, digits, - and _", v.Name)
		}
		if slices.ContainsFunc(def.Variants[:i], func(w tasks.Variant) bool { return w.Name == v.Name }) {
			add("%q is named twice", v.Name)
		}
		if v.Weight < 1 || v.Weight > maxWeight {
			add("%s: weight must be between 1 and %d", v.Name, maxWeight)
		}
		for _, c := range v.Candidates {
			if !candidateForm.MatchString(c) {
				add("%s: %q is not a provider, or provider/model such as ollama/qwen2.5:7b", v.Name, c)
			}
		}
		if is, err := path.Match(promptGlob, v.Prompt); v.Prompt != "" && (!is || err != nil) {
			add("%s: the file of a prompt must be named like prompt.%s.md", v.Name, v.Name)
		}
	}
	return ps
}

// loadVariants compiles the prompts that variants have of their own.
func loadVariants(f *folder, variants []tasks.Variant, in *schema) (map[string]*prompt, error) {
	prompts := map[string]*prompt{}
	var errs []error
	for _, v := range variants {
		if v.Prompt == "" {
			continue
		}
		p, err := loadPrompt(f, v.Prompt, in)
		prompts[v.Name], errs = p, append(errs, err)
	}
	return prompts, errors.Join(errs...)
}

// promptOf is the prompt of a variant: the agent's own where it has none, or is
// no longer there.
func (a *Agent) promptOf(variant string) *prompt {
	if p, ok := a.variants[variant]; ok {
		return p
	}
	return a.prompt
}

// VariantOf returns the variant that the job of that ID belongs to, nil when the
// agent has no experiment. A job always belongs to the same one, as long as the
// variants and their weights do not change; many jobs are spread by weight.
func (a *Agent) VariantOf(jobID string) *tasks.Variant {
	total := uint64(0)
	for _, v := range a.Variants {
		total += uint64(v.Weight) //nolint:gosec // checked when the agent was loaded
	}
	if total == 0 {
		return nil
	}
	// The ID alone would do for one agent; with the agent's, two experiments do not split jobs alike.
	digest := sha256.Sum256([]byte(a.ID + " " + jobID))
	at := binary.BigEndian.Uint64(digest[:8]) % total
	for i := range a.Variants {
		weight := uint64(a.Variants[i].Weight) //nolint:gosec // as above
		if at < weight {
			return &a.Variants[i]
		}
		at -= weight
	}
	return nil
}
