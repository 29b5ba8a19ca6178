package presets

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/providers/openai"
)

// Generic returns the preset of a server that speaks OpenAI's chat API and of
// which nothing else is known: LM Studio, llama-server, vLLM, Ray Serve LLM. It
// is given the schema twice, for some enforce it, some only object to
// json_object, and some ignore both.
func Generic(name, baseURL string, lane Lane) Preset {
	return Preset{
		Name: name, Title: name, Dialect: OpenAI, Lane: lane, BaseURL: baseURL,
		Quirks: openai.Quirks{JSONMode: openai.JSONSchema, SchemaInPrompt: true, Temperature: &openai.Range{Max: 2}},
	}
}

// reserved are names of providers that need no file.
var reserved = map[string]string{"ollama": "set SPILLWAY_OLLAMA_URL instead", "scorecard": "it is built in"}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	envForm  = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
)

// CheckName returns an error unless a server may go by this name.
func CheckName(name string) error {
	if why, ok := reserved[name]; ok {
		return fmt.Errorf("name %q is reserved: %s", name, why)
	}
	if !nameForm.MatchString(name) {
		return fmt.Errorf("name %q: want lower-case letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}

// noKey in place of an environment variable's name says that a server needs none
// although its preset does.
const noKey = "none"

// entry is a server in a user's file.
type entry struct {
	From   string `yaml:"preset"` // what it is like; default: Generic
	Preset `yaml:",inline"`
}

// Load reads a file with servers of a user's own, in the words of presets.yaml:
// what an entry does not set is as in the preset that it names. Every fault is
// reported at once, with file and line.
func Load(path string) ([]Preset, error) {
	data, err := os.ReadFile(path) //nolint:gosec // it is for the user to say which
	if err != nil {
		return nil, err
	}
	return load(path, data)
}

func load(path string, data []byte) ([]Preset, error) {
	asOf, nodes, err := entries(data)
	if err != nil {
		return nil, faultsOf(path, 1, err)
	}
	var all []Preset
	var faults []error
	lines := map[string]int{}
	for _, n := range nodes {
		p, err := server(&n)
		if err == nil && lines[p.Name] != 0 {
			err = fmt.Errorf("name %q is already used on line %d", p.Name, lines[p.Name])
		}
		if err != nil {
			faults = append(faults, faultsOf(path, n.Line, err))
			continue
		}
		lines[p.Name], p.AsOf = n.Line, asOf
		all = append(all, p)
	}
	return all, errors.Join(faults...)
}

// entries checks the fields of a file, and returns its date and what lists a
// server each.
func entries(data []byte) (asOf time.Time, list []yaml.Node, err error) {
	var known struct {
		AsOf      string  `yaml:"as_of"` // of the prices
		Providers []entry `yaml:"providers"`
	}
	var raw struct {
		Providers []yaml.Node `yaml:"providers"`
	}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return asOf, nil, err
	}
	strict := yaml.NewDecoder(bytes.NewReader(data))
	strict.KnownFields(true)
	err = strict.Decode(&known)
	if _, ok := errors.AsType[*yaml.TypeError](err); ok {
		return asOf, nil, err
	}
	// Other errors come back when their entry is read, where its line is known.
	if known.AsOf != "" {
		if asOf, err = time.Parse(time.DateOnly, known.AsOf); err != nil {
			return asOf, nil, fmt.Errorf("as_of: want a date such as 2026-11-01")
		}
	}
	if len(raw.Providers) == 0 {
		return asOf, nil, errors.New("providers: want a list of at least one")
	}
	return asOf, raw.Providers, nil
}

// server reads one entry over the preset that it names.
func server(n *yaml.Node) (Preset, error) {
	var head struct {
		From string `yaml:"preset"`
		Lane Lane   `yaml:"lane"`
	}
	if err := n.Decode(&head); err != nil {
		return Preset{}, err
	}
	e := entry{Preset: Generic("", "", "")}
	if head.From != "" {
		p, ok := Lookup(head.From)
		if !ok {
			return Preset{}, fmt.Errorf("preset %q: want one of %s", head.From, strings.Join(names(), ", "))
		}
		e.Preset = p
	}
	if err := n.Decode(&e); err != nil {
		return Preset{}, err
	}
	p := e.Preset
	p.BaseURL, p.Title = p.Host(p.BaseURL), cmp.Or(p.Title, p.Name)
	if p.KeyEnv == noKey {
		p.KeyEnv = ""
	}
	return p, p.checkEntry()
}

// checkEntry reports what is wrong with a user's server.
func (p Preset) checkEntry() error {
	var problems []error
	if p.KeyEnv != "" && !envForm.MatchString(p.KeyEnv) { // not quoted: it may be the key itself
		problems = append(problems, errors.New("key_env: want the name of the environment variable that holds the key, such as FARM_API_KEY, or none"))
	}
	if p.Lane == Cloud && p.Model == "" {
		problems = append(problems, errors.New("model: required on the cloud lane"))
	}
	if p.Name == "" {
		return errors.Join(append(problems, errors.New("name: missing"))...)
	}
	return errors.Join(append(problems, CheckName(p.Name), p.Validate())...)
}

func names() []string {
	var all []string
	for _, p := range All() {
		all = append(all, p.Name)
	}
	return all
}

var (
	lineOf  = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknown = regexp.MustCompile(`^field (\S+) not found in type .+$`)
)

// faultsOf returns a file's faults with the line of each: that which YAML names, or
// else the one given.
func faultsOf(path string, line int, err error) error {
	var faults []error
	for _, text := range texts(err) {
		at := strconv.Itoa(line)
		if m := lineOf.FindStringSubmatch(text); m != nil {
			at, text = m[1], m[2]
		}
		text = unknown.ReplaceAllString(text, "unknown field $1")
		faults = append(faults, fmt.Errorf("%s:%s: %s", path, at, text))
	}
	return errors.Join(faults...)
}

func texts(err error) []string {
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		return e.Errors
	}
	return strings.Split(err.Error(), "\n")
}
