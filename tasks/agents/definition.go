package agents

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/tasks"
)

// languages are the output languages that every text of an agent must have.
var languages = []tasks.Language{tasks.Chinese, tasks.English}

// pointerForm is that of a JSON Pointer (RFC 6901) to a member, not to the whole.
var pointerForm = regexp.MustCompile(`^(/([^~/]|~[01])+)+$`)

var idForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}$`)

const (
	maxOutputTokens = 8192
	// defaultMinOutput is the part of max_output_tokens below which an answer is
	// of no use, where the author does not say.
	defaultMinOutput = 4
)

// readDefinition decodes and checks agent.yaml, and returns every problem in it.
func readDefinition(f *folder) (tasks.Agent, error) {
	var def tasks.Agent
	data, err := f.need(definitionFile)
	if err != nil {
		return def, err
	}
	file := f.shown(definitionFile)
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return def, yamlErrors(file, err)
	}
	durations := checkDurations(file, &root)
	fields := decodeYAML(file, withoutBadDurations(data, &root), &def)
	errs := []error{durations, fields}
	for _, p := range slices.Concat(textProblems(def), placeProblems(def), limitProblems(def), variantProblems(def)) {
		if (durations != nil || fields != nil) && child(document(&root), p.key) == nil {
			continue // perhaps it is there, and misspelt
		}
		errs = append(errs, errorAt(file, keyLine(&root, p.key), "%s: %s", p.key, p.detail))
	}
	if prefix := strings.ToLower(def.ID) + "_"; idForm.MatchString(def.ID) && !strings.HasPrefix(f.base(), prefix) {
		errs = append(errs, errorAt(file, keyLine(&root, "id"), "id: the folder %s of agent %s must be named %s and a name", f.base(), def.ID, prefix))
	}
	if def.MinOutput == 0 {
		def.MinOutput = max(1, def.OutputLimit/defaultMinOutput)
	}
	return def, errors.Join(errs...)
}

// durationKeys are the fields of agent.yaml that hold a duration.
var durationKeys = []string{"target", "deadline", "cache_ttl"}

// checkDurations looks at the durations on their own, because the errors of
// their decoder carry no line.
func checkDurations(file string, root *yaml.Node) error {
	var errs []error
	for _, key := range durationKeys {
		if n := child(document(root), key); n != nil && !isDuration(n) {
			errs = append(errs, errorAt(file, n.Line, "%s: %q is not a duration such as 90s", key, n.Value))
		}
	}
	return errors.Join(errs...)
}

func isDuration(n *yaml.Node) bool {
	var d tasks.Duration
	return d.UnmarshalText([]byte(n.Value)) == nil
}

// withoutBadDurations returns a document without the lines whose durations are
// none, so that the rest can be decoded and checked. Line numbers stay.
func withoutBadDurations(data []byte, root *yaml.Node) []byte {
	lines := strings.Split(string(data), "\n")
	for _, key := range durationKeys {
		if n := child(document(root), key); n != nil && !isDuration(n) && n.Line <= len(lines) {
			lines[n.Line-1] = ""
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// document returns what a YAML document holds.
func document(root *yaml.Node) *yaml.Node {
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		return root.Content[0]
	}
	return root
}

// problem is one thing wrong with a field of agent.yaml.
type problem struct{ key, detail string }

// textProblems checks what people read: the ID, titles and summaries.
func textProblems(def tasks.Agent) []problem {
	var ps []problem
	if !idForm.MatchString(def.ID) {
		ps = append(ps, problem{"id", fmt.Sprintf("%q is not an ID such as A02", def.ID)})
	}
	for _, t := range []struct {
		key   string
		texts map[tasks.Language]string
	}{{"title", def.Title}, {"summary", def.Summary}} {
		for _, lang := range languages {
			if strings.TrimSpace(t.texts[lang]) == "" {
				ps = append(ps, problem{t.key, fmt.Sprintf("has no text for %s; write one", lang)})
			}
		}
		if len(t.texts) > len(languages) {
			ps = append(ps, problem{t.key, "has a language other than zh and en"})
		}
	}
	return ps
}

// placeProblems checks where the agent may run.
func placeProblems(def tasks.Agent) []problem {
	var ps []problem
	if !def.Complexity.Known() {
		ps = append(ps, problem{"complexity", fmt.Sprintf("must be one of %v", tasks.Complexities())})
	}
	if len(def.Lanes) == 0 {
		ps = append(ps, problem{"lanes", "name at least one of local, cloud"})
	}
	for i, l := range def.Lanes {
		if l != tasks.Local && l != tasks.Cloud {
			ps = append(ps, problem{"lanes", fmt.Sprintf("%q is not local or cloud; the scorecard needs no lane", l)})
		}
		if slices.Contains(def.Lanes[:i], l) {
			ps = append(ps, problem{"lanes", fmt.Sprintf("%q is named twice", l)})
		}
	}
	if slices.Contains(def.Lanes, tasks.Local) && len(def.Models.Local) == 0 {
		ps = append(ps, problem{"models", "the local lane needs a model under local"})
	}
	for i, name := range def.Models.Order {
		if name == "" || strings.Contains(name, "/") || slices.Contains(def.Models.Order[:i], name) {
			ps = append(ps, problem{"models", fmt.Sprintf("order %q: name providers such as deepseek, each once, without a model", name)})
		}
	}
	if !def.Privacy.Known() {
		ps = append(ps, problem{"privacy", "must be any, mask_fields, mask or local_only"})
	}
	for _, p := range def.NeverSend {
		if !pointerForm.MatchString(p) {
			ps = append(ps, problem{"never_send", fmt.Sprintf("%q is not a JSON Pointer such as /account/balance or /contacts/*/phone", p)})
		}
	}
	if def.Privacy == tasks.LocalOnly && slices.Contains(def.Lanes, tasks.Cloud) {
		ps = append(ps, problem{"privacy", "local_only contradicts the lane cloud; drop one of them"})
	}
	return ps
}

// limitProblems checks times and sizes.
func limitProblems(def tasks.Agent) []problem {
	var ps []problem
	if def.Target <= 0 {
		ps = append(ps, problem{"target", "must be a duration above zero, such as 60s"})
	}
	if def.Deadline < def.Target {
		ps = append(ps, problem{"deadline", "must not be shorter than target"})
	}
	if def.CacheTTL < 0 {
		ps = append(ps, problem{"cache_ttl", "must not be negative; 0s shares no results"})
	}
	if def.OutputLimit < 1 || def.OutputLimit > maxOutputTokens {
		ps = append(ps, problem{"max_output_tokens", fmt.Sprintf("must be between 1 and %d", maxOutputTokens)})
	}
	if def.MinOutput < 0 || def.MinOutput > def.OutputLimit {
		ps = append(ps, problem{"min_output_tokens", "must be between 1 and max_output_tokens"})
	}
	if math.IsNaN(def.Temperature) || def.Temperature < 0 || def.Temperature > 2 {
		ps = append(ps, problem{"temperature", "must be between 0 and 2"})
	}
	return ps
}

// keyLine returns the line of a key of the document's top level, or the first
// line when the document does not have it.
func keyLine(root *yaml.Node, key string) int {
	doc := document(root)
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == key {
			return doc.Content[i].Line
		}
	}
	return cmp.Or(doc.Line, 1)
}
