package agents

import (
	"errors"
	"reflect"
	"regexp"

	"github.com/expr-lang/expr/types"
	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/tasks"
)

// The limits on one scorecard.
const (
	maxRules  = 200
	maxPoints = 100.0 // that one rule may add or subtract
)

// scorecardYAML is scorecard.yaml as it is written; docs/agents.md explains it.
type scorecardYAML struct {
	Words    map[string]map[string]map[tasks.Language]string `yaml:"words"`
	Facts    yaml.Node                                       `yaml:"facts"`
	Start    float64                                         `yaml:"start"`
	Points   []pointYAML                                     `yaml:"points"`
	Score    *source                                         `yaml:"score"`
	Findings yaml.Node                                       `yaml:"findings"`
	Clear    *source                                         `yaml:"clear_when"`
	Answer   yaml.Node                                       `yaml:"answer"`
}

// pointYAML is one rule of the scorecard as it is written.
type pointYAML struct {
	If       *source   `yaml:"if"`
	Add      source    `yaml:"add"`
	Reason   yaml.Node `yaml:"reason"`
	Evidence yaml.Node `yaml:"evidence"`
}

// scorecard is an agent's deterministic rules, compiled.
type scorecard struct {
	words    map[tasks.Language]map[string]map[string]string
	facts    []named
	start    float64
	points   []point
	score    *expression // nil: the total, kept within 0 and 100
	findings []named
	clear    *expression // says that a case needs no model; nil: none is such
	answer   node
}

// named is a value that later expressions use by name.
type named struct {
	name  string
	value *expression
}

// point moves the score when its condition holds, for a reason.
type point struct {
	when     *expression // nil: always
	add      *expression
	reason   texts
	evidence texts
}

// driver is a point that moved the score, as expressions and answers see it.
var driver = types.Map{
	"direction": types.String,
	"weight":    types.Int,
	"text":      types.String,
	"evidence":  types.String,
}

// loadScorecard compiles scorecard.yaml; nil if the folder has none.
func loadScorecard(f *folder, in, out *schema) (*scorecard, error) {
	data, ok := f.files[scorecardFile]
	if !ok {
		return nil, nil
	}
	file := f.shown(scorecardFile)
	var raw scorecardYAML
	if err := decodeYAML(file, data, &raw); err != nil {
		return nil, err
	}
	if len(raw.Points) > maxRules {
		return nil, errorAt(file, 0, "%d points, at most %d are allowed", len(raw.Points), maxRules)
	}
	if raw.Answer.Kind == 0 {
		return nil, errorAt(file, 0, "answer is missing; it says what the scorecard answers")
	}
	c := &scorecard{start: raw.Start}
	var err error
	if c.words, err = wordTables(file, raw.Words); err != nil {
		return nil, err
	}
	return c, c.compile(newScope(file, in), &raw, out)
}

// newScope returns what every expression of a scorecard may name.
func newScope(file string, in *schema) scope {
	fields, enums := types.Map{}, map[string][]any{}
	present := types.Map{}
	for name, p := range in.compiled.Properties {
		p = target(p)
		fields[name], present[name] = shape(p), types.Bool
		if p.Enum != nil {
			enums[name] = p.Enum.Values
		}
	}
	return scope{
		file:  file,
		enums: enums,
		names: types.Map{
			"input": fields,
			"given": present,
			"words": types.TypeOf(map[string]map[string]string{}),
			"lang":  types.String,
		},
	}
}

// compile compiles the parts of the file in the order in which they may name
// each other, and goes on after a bad part to report all of them at once.
func (c *scorecard) compile(s scope, raw *scorecardYAML, out *schema) error {
	var errs [6]error
	c.facts, s, errs[0] = s.compileNamed(&raw.Facts)
	c.points, errs[1] = s.compilePoints(raw.Points)
	s = s.with("total", types.Float64)
	if raw.Score != nil {
		c.score, errs[2] = s.compile(*raw.Score, reflect.Float64)
	}
	s = s.with("score", types.Int).with("drivers", types.Array(driver))
	c.findings, s, errs[3] = s.compileNamed(&raw.Findings)
	if raw.Clear != nil {
		c.clear, errs[5] = s.compile(*raw.Clear, reflect.Bool)
	}
	c.answer, errs[4] = s.compileNode(&raw.Answer, out.compiled)
	return errors.Join(errs[:]...)
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// compileNamed compiles a mapping of names to expressions, in which each may
// use those above it, and returns the scope that knows them all.
func (s scope) compileNamed(n *yaml.Node) ([]named, scope, error) {
	if n.Kind == 0 {
		return nil, s, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, s, errorAt(s.file, n.Line, "want names with an expression each")
	}
	if len(n.Content)/2 > maxRules {
		return nil, s, errorAt(s.file, n.Line, "more than %d names", maxRules)
	}
	var all []named
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		e, err := s.compileOneNamed(key, value)
		if err != nil {
			errs = append(errs, err)
			if _, taken := s.names[key.Value]; !taken {
				s = s.with(key.Value, types.Any) // so that what follows is checked, too
			}
			continue
		}
		all = append(all, named{key.Value, e})
		s = s.with(key.Value, e.kind).withValues(key.Value, s.literals(e.program.Node()))
	}
	return all, s, errors.Join(errs...)
}

func (s scope) compileOneNamed(key, value *yaml.Node) (*expression, error) {
	if _, taken := s.names[key.Value]; taken || key.Value == "it" || !nameForm.MatchString(key.Value) {
		return nil, errorAt(s.file, key.Line, "%q cannot be a name here: it is taken, or not like days_silent", key.Value)
	}
	if value.Kind != yaml.ScalarNode {
		return nil, errorAt(s.file, value.Line, "%s: want an expression", key.Value)
	}
	return s.compile(sourceOf(value), reflect.Invalid)
}

func (s scope) compilePoints(raw []pointYAML) ([]point, error) {
	all := make([]point, 0, len(raw))
	errs := make([]error, 0, len(raw))
	for _, r := range raw {
		p, err := s.compilePoint(r)
		all, errs = append(all, p), append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (s scope) compilePoint(r pointYAML) (p point, err error) {
	if r.Add.text == "" || r.Reason.Kind == 0 || r.Evidence.Kind == 0 {
		line := max(r.Add.line, r.Reason.Line, r.Evidence.Line)
		if r.If != nil {
			line = r.If.line
		}
		return p, errorAt(s.file, line, "every point needs add, reason and evidence")
	}
	var errs [4]error
	if r.If != nil {
		p.when, errs[0] = s.compile(*r.If, reflect.Bool)
	}
	p.add, errs[1] = s.compile(r.Add, reflect.Float64)
	p.reason, errs[2] = s.compileTexts(&r.Reason)
	p.evidence, errs[3] = s.compileEvidence(&r.Evidence)
	return p, errors.Join(errs[:]...)
}

// compileEvidence compiles a text, or a list of input fields that are quoted
// as name=value.
func (s scope) compileEvidence(n *yaml.Node) (texts, error) {
	if n.Kind != yaml.SequenceNode {
		return s.compileTexts(n)
	}
	var t text
	for i, field := range n.Content {
		if i > 0 {
			t = append(t, piece{literal: "; "})
		}
		e, err := s.compile(source{text: "input." + field.Value, line: field.Line}, reflect.Invalid)
		if err != nil {
			return nil, err
		}
		t = append(t, piece{literal: field.Value + "="}, piece{value: e})
	}
	all := make(texts, len(languages))
	for _, lang := range languages {
		all[lang] = t
	}
	return all, nil
}

// wordTables turns the tables around, so that one language's can be handed to
// expressions as a whole.
func wordTables(file string, raw map[string]map[string]map[tasks.Language]string) (map[tasks.Language]map[string]map[string]string, error) {
	all := make(map[tasks.Language]map[string]map[string]string, len(languages))
	for _, lang := range languages {
		all[lang] = map[string]map[string]string{}
		for table, words := range raw {
			all[lang][table] = map[string]string{}
			for word, by := range words {
				if by[lang] == "" {
					return nil, errorAt(file, 0, "words.%s.%s has no text for %s", table, word, lang)
				}
				all[lang][table][word] = by[lang]
			}
		}
	}
	return all, nil
}
