package attempt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// masking is a job's input as a lane may see it: for the cloud, what is never sent
// has been dropped, and the rest is masked where the job asks for it. On other lanes
// it is the input itself.
type masking struct {
	input json.RawMessage // as the lane may see it
	mask  *privacy.Mask   // nil: nothing is masked
	doubt error           // a *providers.Refusal, if nothing may be sent all the same
}

// applyPrivacy returns the input as this lane may see it. Its error means that the
// data stays here.
func (a *attempt) applyPrivacy(ctx context.Context, agent *agents.Agent) (*masking, error) {
	v := &masking{input: a.input}
	if a.lane != tasks.Cloud {
		return v, nil
	}
	var err error
	if v.input, err = privacy.Drop(a.input, agent.NeverSend); err != nil {
		return nil, err
	}
	switch {
	case a.job.Privacy == tasks.PrivacyAny:
		return v, nil
	case !a.job.Privacy.Masks():
		return nil, fmt.Errorf("data of privacy %q stays off the cloud", a.job.Privacy)
	}
	if err := a.maskInput(ctx, agent, v); err != nil {
		return nil, err
	}
	v.input, a.mask = v.mask.Input(), v.mask
	a.seal(ctx)
	return v, nil
}

// maskInput masks the input, with the names that a local model lists in the free
// texts, and sets the doubt that forbids sending it.
func (a *attempt) maskInput(ctx context.Context, agent *agents.Agent, v *masking) error {
	key := a.MaskKey.ForJob(a.job.ID)
	var err error
	if v.mask, err = maskOf(agent, a.job, v.input, key, nil); err != nil {
		return err
	}
	if a.job.Privacy == tasks.MaskedFields {
		if v.mask.Prose() {
			v.doubt = notMasked("the input holds free text, which privacy mask_fields does not send; ask for privacy mask, or drop it with never_send")
		}
		return nil
	}
	until := a.deadline
	if stop := a.stopAt(ctx); !stop.IsZero() {
		until = stop
	}
	found, complete := a.names.find(ctx, v.mask.FreeTexts(), a.names.limit(until))
	explained := complete && v.mask.Confirms(found)
	if len(found) > 0 {
		if v.mask, err = maskOf(agent, a.job, v.input, key, found); err != nil {
			return err
		}
	}
	if n := len(v.mask.Unexplained()); n > 0 && !explained && !a.cfg.SendUnexplained {
		v.doubt = notMasked(fmt.Sprintf("%d words of the free text look like names that masking does not know, so nothing was sent; name them in fields of the input, serve a local model, or set SPILLWAY_PRIVACY_SEND_UNEXPLAINED=true", n))
	}
	return nil
}

// notMasked is the refusal to send data that masking leaves in doubt.
func notMasked(why string) error {
	return &providers.Refusal{Reason: tasks.OutcomeNotMasked, Message: why}
}

// maskOf returns the mask of a job's input, with the names that a model has found
// in it.
func maskOf(agent *agents.Agent, j *tasks.Job, input json.RawMessage, key []byte, found []privacy.Found) (*privacy.Mask, error) {
	system, user, err := agent.PromptOf(j.Variant, json.RawMessage(`{}`), j.Language)
	if err != nil {
		return nil, fmt.Errorf("fill the prompt of %s: %w", agent.ID, err)
	}
	words := append(schemaWords(agent.InputSchema()), schemaWords(agent.OutputSchema())...)
	return privacy.New(privacy.Options{
		Key: key, Words: words, Public: system + "\n" + user + "\n" + string(agent.OutputSchema()),
		Found: found, FieldsOnly: j.Privacy == tasks.MaskedFields,
	}, input)
}

// MaskCounts returns how many values of an input would be masked on the way to
// the cloud, by kind, and under unexplained how many words would keep the job off
// it; nil when the input cannot be masked.
func MaskCounts(agent *agents.Agent, j *tasks.Job, input json.RawMessage) map[string]int {
	input, err := privacy.Drop(input, agent.NeverSend)
	if err != nil {
		return nil
	}
	m, err := maskOf(agent, j, input, nil, nil)
	if err != nil {
		return nil
	}
	counts := m.Counts()
	if n := len(m.Unexplained()); n > 0 && j.Privacy == tasks.Masked {
		counts["unexplained"] = n
	}
	return counts
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

// wrap returns the candidates with masking around them.
func (v *masking) wrap(candidates []providers.Candidate) []providers.Candidate {
	if v.mask == nil {
		return candidates
	}
	wrapped := slices.Clone(candidates)
	for i := range wrapped {
		wrapped[i].Provider = v.mask.Wrap(wrapped[i].Provider, own)
	}
	return wrapped
}

// check refuses a request if masking leaves a doubt.
func (v *masking) check(req *providers.Request) error {
	if v.mask == nil || v.doubt != nil {
		return v.doubt
	}
	out := *req
	return v.mask.Prepare(&out, own)
}

// seal keeps the map from tokens to values, encrypted, if the installation has a key
// for it. Restoring an answer does not need it.
func (a *attempt) seal(ctx context.Context) {
	if !a.MaskKey.Seals() {
		return
	}
	sealed, err := a.MaskKey.Seal(a.mask, a.job.ID)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		err = a.Store.KeepMask(limited, a.job, sealed)
	}
	if err != nil {
		a.log.Warn("the sealed map of masked values could not be stored", "error", err)
	}
}

// addMaskCounts adds to the record of a call how many values were masked.
func (a *attempt) addMaskCounts(r *tasks.Attempt) {
	if a.mask == nil || r.Lane != tasks.Cloud || !r.Called() {
		return
	}
	r.Masked, r.UnknownTokens = a.mask.Counts(), a.mask.Unknown()
}
