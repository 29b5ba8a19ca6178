package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// veil stands between a job's data and the cloud: what is never sent has been
// dropped, and the rest is masked where the job asks for it. On the lanes that
// keep the data here it does nothing.
type veil struct {
	input json.RawMessage // as the lane may see it
	mask  *privacy.Mask   // nil: nothing is masked
}

// draw makes the veil of an attempt. Its error means that the data stays here.
func (a *attempt) draw(ctx context.Context, agent *agents.Agent) (*veil, error) {
	v := &veil{input: a.input}
	if a.lane != tasks.Cloud {
		return v, nil
	}
	var err error
	if v.input, err = privacy.Drop(a.input, agent.NeverSend); err != nil {
		return nil, err
	}
	switch a.job.Privacy {
	case tasks.PrivacyAny:
		return v, nil
	case tasks.Masked:
	default:
		return nil, fmt.Errorf("data of privacy %q stays off the cloud", a.job.Privacy)
	}
	if v.mask, err = maskOf(agent, a.job, v.input, a.MaskKey.ForJob(a.job.ID)); err != nil {
		return nil, err
	}
	v.input, a.mask = v.mask.Input(), v.mask
	a.seal(ctx)
	return v, nil
}

// maskOf returns the mask of a job's input.
func maskOf(agent *agents.Agent, j *tasks.Job, input json.RawMessage, key []byte) (*privacy.Mask, error) {
	system, user, err := agent.PromptOf(j.Variant, json.RawMessage(`{}`), j.Language)
	if err != nil {
		return nil, fmt.Errorf("fill the prompt of %s: %w", agent.ID, err)
	}
	words := append(schemaWords(agent.InputSchema()), schemaWords(agent.OutputSchema())...)
	return privacy.New(privacy.Options{
		Key: key, Words: words, Public: system + "\n" + user + "\n" + string(agent.OutputSchema()),
	}, input)
}

// MaskCounts tells how many values of an input would be masked on the way to the
// cloud, by kind; nil when nothing can be told.
func MaskCounts(agent *agents.Agent, j *tasks.Job, input json.RawMessage) map[string]int {
	input, err := privacy.Drop(input, agent.NeverSend)
	if err != nil {
		return nil
	}
	m, err := maskOf(agent, j, input, nil)
	if err != nil {
		return nil
	}
	return m.Counts()
}

// schemaWords lists the names of members and the values of enumerations in a
// schema: words with a meaning, which are never masked as somebody's name.
func schemaWords(schema json.RawMessage) []string {
	var v any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil // the agent would not have been loaded
	}
	var words []string
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, member := range v {
				if name == "properties" {
					words = append(words, key)
				}
				walk(key, member)
			}
		case []any:
			for _, e := range v {
				walk(name, e)
			}
		case string:
			if name == "enum" || name == "const" || name == "default" {
				words = append(words, v)
			}
		}
	}
	walk("", v)
	return words
}

// own is how many messages of a request are made from the masked input; what the
// router adds to them is masked on its way out.
const own = 2

// over puts the veil between the candidates and who asks them.
func (v *veil) over(candidates []providers.Candidate) []providers.Candidate {
	if v.mask == nil {
		return candidates
	}
	veiled := slices.Clone(candidates)
	for i := range veiled {
		veiled[i].Provider = v.mask.Wrap(veiled[i].Provider, own)
	}
	return veiled
}

// check refuses a request in which masking leaves a doubt.
func (v *veil) check(req *providers.Request) error {
	if v.mask == nil {
		return nil
	}
	out := *req
	return v.mask.Prepare(&out, own)
}

// seal keeps the map that leads back from tokens to values, encrypted, if the
// installation has a key for it. Nothing waits for it: an answer is restored
// without.
func (a *attempt) seal(ctx context.Context) {
	if !a.MaskKey.Seals() {
		return
	}
	sealed, err := a.MaskKey.Seal(a.mask, a.job.ID)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, signOffTimeout)
		defer cancel()
		err = a.Store.KeepMask(limited, a.job, sealed)
	}
	if err != nil {
		a.log.Warn("the sealed map of masked values is not kept", "error", err)
	}
}

// evidence tells on the record of a call what was masked. It holds no values.
func (a *attempt) evidence(r *tasks.Attempt) {
	if a.mask == nil || r.Lane != tasks.Cloud || strings.Contains(notSent, r.Outcome) {
		return
	}
	r.Masked, r.UnknownTokens = a.mask.Counts(), a.mask.Unknown()
}

// notSent are the outcomes of calls that were not made.
const notSent = tasks.OutcomeBreakerOpen + " " + tasks.OutcomeLimitReached + " " + tasks.OutcomeBudgetSpent + " " +
	tasks.OutcomeTooSlow + " " + tasks.OutcomeNotMasked
