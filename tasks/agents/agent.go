package agents

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/topcentral/spillway/tasks"
)

// Agent is one agent, loaded and checked as a whole. Its Version is a digest
// of its folder, so it changes with every edit. An Agent does not change and
// may be used by several goroutines at once.
type Agent struct {
	tasks.Agent

	input     *schema
	output    *schema
	prompt    *prompt
	variants  map[string]*prompt // by variant; those that have none of their own are missing
	scorecard *scorecard         // nil: the folder has none
	examples  []example
}

// LoadDir loads the one agent in the folder dir, whose name must begin with
// the agent's ID. The error names the file and line of what is wrong.
func LoadDir(dir string) (*Agent, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	return load(f)
}

// openFolder reads the folder dir of one agent.
func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("load agent: %w", err)
	}
	if _, err := os.Stat(abs); err != nil {
		return nil, fmt.Errorf("load agent: %w", err)
	}
	return readFolder(os.DirFS(filepath.Dir(abs)), filepath.Base(abs), abs)
}

// load compiles a folder and reports everything that is wrong with it, as far as
// one part can be judged without the other.
func load(f *folder) (*Agent, error) {
	if f.err != nil {
		return nil, f.err
	}
	def, defErr := readDefinition(f)
	in, inErr := loadSchema(f, inputSchemaFile)
	out, outErr := loadSchema(f, outputSchemaFile)
	a := &Agent{Agent: def, input: in, output: out}
	a.Version = f.digest()
	var errs [4]error
	if in != nil {
		a.prompt, errs[0] = loadPrompt(f, promptFile, in)
		a.variants, errs[3] = loadVariants(f, def.Variants, in)
	}
	if in != nil && out != nil {
		a.scorecard, errs[1] = loadScorecard(f, in, out)
	}
	a.examples, errs[2] = loadExamples(f)
	if err := errors.Join(append([]error{defErr, inErr, outErr}, errs[:]...)...); err != nil {
		return nil, err
	}
	return a, nil
}

// CheckInput lists everything about input that the input schema refuses; none
// means that it is valid. Pointers are relative to the input. A member that is
// null or a blank text counts as absent.
func (a *Agent) CheckInput(input json.RawMessage) []tasks.Fault {
	_, faults := a.readInput(input)
	return faults
}

// CheckDecoded is CheckInput for what Decode has made of an input. It takes that
// over.
func (a *Agent) CheckDecoded(input any) []tasks.Fault {
	v, err := valued(input)
	if err != nil {
		return notJSON(err)
	}
	return a.input.faults(dropBlanks(v))
}

// CheckOutput lists everything about an answer that the output schema refuses;
// none means that it is valid. Unlike in input, null and blank
// texts are values.
func (a *Agent) CheckOutput(output json.RawMessage) []tasks.Fault {
	v, err := decode(output)
	if err != nil {
		return notJSON(err)
	}
	return a.output.faults(v)
}

// Shorten cuts the texts and lists of an answer to the lengths that the output
// schema allows. What is not JSON is returned as it is.
func (a *Agent) Shorten(output json.RawMessage) json.RawMessage {
	v, err := decode(output)
	if err != nil {
		return output
	}
	short, err := json.Marshal(fit(a.output.compiled, v))
	if err != nil {
		return output
	}
	return short
}

// readInput decodes input and lists what the input schema refuses about it.
func (a *Agent) readInput(input json.RawMessage) (any, []tasks.Fault) {
	v, err := decodeInput(input)
	if err != nil {
		return nil, notJSON(err)
	}
	return v, a.input.faults(v)
}

func notJSON(err error) []tasks.Fault {
	return []tasks.Fault{{Pointer: "", Detail: fmt.Sprintf("must be a JSON object: %v", err)}}
}

// InputSchema returns the JSON Schema of the input, as its author wrote it.
func (a *Agent) InputSchema() json.RawMessage { return a.input.source }

// OutputSchema returns the JSON Schema of the answer, as its author wrote it.
func (a *Agent) OutputSchema() json.RawMessage { return a.output.source }

// Prompt returns what to ask a model: a system message that is the same for
// every job of the agent, and a user message that carries the input as JSON and
// asks for an answer in lang. It expects an input that CheckInput has passed.
func (a *Agent) Prompt(input json.RawMessage, lang tasks.Language) (system, user string, err error) {
	return a.PromptOf("", input, lang)
}

// PromptOf is Prompt for a job of a variant. A variant that has no prompt of its
// own, or is no longer there, asks with the agent's.
func (a *Agent) PromptOf(variant string, input json.RawMessage, lang tasks.Language) (system, user string, err error) {
	v, err := decodeInput(input)
	if err != nil {
		return "", "", tasks.Errorf(tasks.CodeInvalid, "the input is not JSON").WithCause(err)
	}
	return a.promptOf(variant).fill(v, lang)
}

// PromptSource returns the file of a variant's prompt as its author wrote it, the
// agent's own for "".
func (a *Agent) PromptSource(variant string) string { return a.promptOf(variant).source }

// HasScorecard reports whether the agent can answer without a model.
func (a *Agent) HasScorecard() bool { return a.scorecard != nil }

// ErrNoScorecard says that an agent cannot answer without a model.
var ErrNoScorecard = errors.New("the agent has no scorecard")

// Score answers by the agent's deterministic rules, with its texts in lang.
// The same input always gives the same answer, and the answer always satisfies
// the output schema. It returns ErrNoScorecard where there are no rules, and a
// [tasks.Error] with the faults for an input that CheckInput refuses.
func (a *Agent) Score(input json.RawMessage, lang tasks.Language) (json.RawMessage, error) {
	answer, _, err := a.score(input, lang)
	return answer, err
}

// ScoreClear is Score for a case that the scorecard itself calls clear, by its
// clear_when: one that a model would answer no better. It returns nil for any
// other case, and where there are no rules.
func (a *Agent) ScoreClear(input json.RawMessage, lang tasks.Language) (json.RawMessage, error) {
	if a.scorecard == nil || a.scorecard.clear == nil {
		return nil, nil
	}
	answer, certain, err := a.score(input, lang)
	if err != nil || !certain {
		return nil, err
	}
	return answer, nil
}

// score answers by the rules, and reports whether the case is clear.
func (a *Agent) score(input json.RawMessage, lang tasks.Language) (answer json.RawMessage, certain bool, err error) {
	if a.scorecard == nil {
		return nil, false, ErrNoScorecard
	}
	if _, ok := languageNames[lang]; !ok {
		return nil, false, tasks.Errorf(tasks.CodeInvalid, "%q is not an output language; use zh or en", lang)
	}
	v, faults := a.readInput(input)
	if len(faults) > 0 {
		return nil, false, &tasks.Error{Code: tasks.CodeInvalid, Message: "the input does not fit the agent's input schema", Faults: faults}
	}
	in := a.input.compiled
	filled, certain, err := a.scorecard.answerFor(complete(in, v), given(in, v), lang, a.output)
	if err != nil {
		return nil, false, fmt.Errorf("scorecard of %s: %w", a.ID, err)
	}
	answer, err = json.Marshal(filled)
	if err != nil {
		return nil, false, fmt.Errorf("scorecard of %s: %w", a.ID, err)
	}
	if faults := a.CheckOutput(answer); len(faults) > 0 {
		return nil, false, fmt.Errorf("scorecard of %s: %w", a.ID, &answerError{faults[0].Pointer, faults[0].Detail})
	}
	return answer, certain, nil
}

// answerError says that a scorecard's answer breaks the output schema.
type answerError struct{ pointer, detail string }

func (e *answerError) Error() string {
	return fmt.Sprintf("its answer breaks the output schema at %q: %s", e.pointer, e.detail)
}
