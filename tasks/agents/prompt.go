package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/topcentral/spillway/tasks"
)

// userMark is the line of prompt.md below which the user's message begins.
const userMark = "<!-- user -->"

// maxPrompt bounds, in bytes, what a template may write.
const maxPrompt = 512 << 10

// prompt is what a model is asked: a system message that is the same for every
// job, so that servers can keep it in their caches, and a user message that
// carries the input.
type prompt struct {
	source string // of the whole file
	system string
	user   *template.Template
	file   string
}

// promptData is what the user part of prompt.md may name.
type promptData struct {
	Input    any          // the input, without nulls and blank texts
	Language languageName // the output language
}

// languageName is the name of an output language in prompts.
type languageName string

var languageNames = map[tasks.Language]languageName{
	tasks.Chinese: "简体中文",
	tasks.English: "English",
}

// loadPrompt compiles prompt.md, or the file of a variant in its place, and
// checks the fields that it names.
func loadPrompt(f *folder, name string, in *schema) (*prompt, error) {
	data, err := f.need(name)
	if err != nil {
		return nil, err
	}
	file := f.shown(name)
	source := strings.ReplaceAll(string(data), "\r\n", "\n")
	system, user, found := strings.Cut(source, "\n"+userMark+"\n")
	if !found || strings.Contains(user, userMark) {
		return nil, errorAt(file, 0, "want one line %s between the system part and the user part", userMark)
	}
	var errs []error
	if at := strings.Index(system, "{{"); at >= 0 {
		errs = append(errs, errorAt(file, lineOf(data, int64(at)), "the system part is the same for every job, for the servers' caches; move what varies below %s", userMark))
	}
	if !strings.Contains(user, ".Input") {
		errs = append(errs, errorAt(file, 0, "the user part does not hold {{.Input}}, so the model would not see the input"))
	}
	if !strings.Contains(source, "JSON") {
		errs = append(errs, errorAt(file, 0, "the word JSON is missing; some APIs refuse to answer in JSON without it"))
	}
	// Empty lines in front keep the template's line numbers those of the file.
	above := strings.Count(system, "\n") + 2
	t, err := template.New("prompt").Funcs(template.FuncMap{"json": safeJSON}).Parse(strings.Repeat("\n", above) + user)
	if err != nil {
		return nil, errors.Join(append(errs, templateError(file, err))...)
	}
	if len(t.Templates()) > 1 {
		errs = append(errs, errorAt(file, 0, "define and block are not allowed"))
	}
	c := treeCheck{tree: t.Tree, in: in.compiled, file: file}
	if err := errors.Join(append(errs, c.walk(t.Root, true))...); err != nil {
		return nil, err
	}
	return &prompt{source: source, system: strings.TrimSpace(system), user: t, file: file}, nil
}

// fill writes the two messages for one input.
func (p *prompt) fill(input any, lang tasks.Language) (system, user string, err error) {
	name, ok := languageNames[lang]
	if !ok {
		return "", "", fmt.Errorf("prompt: %q is not an output language; use zh or en", lang)
	}
	w := &boundedWriter{left: maxPrompt}
	if err := p.user.Execute(w, promptData{Input: input, Language: name}); err != nil {
		return "", "", templateError(p.file, err)
	}
	return p.system, strings.TrimSpace(w.String()), nil
}

// boundedWriter is a buffer that refuses to grow without end.
type boundedWriter struct {
	bytes.Buffer
	left int
}

// Write implements [io.Writer].
func (w *boundedWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, fmt.Errorf("the prompt is larger than %d KiB", maxPrompt>>10)
	}
	return w.Buffer.Write(b)
}

// safeJSON renders a value as JSON, and the language as it is. A less-than sign is escaped, so that no
// value can forge the tag that ends the data.
func safeJSON(v any) (string, error) {
	if s, ok := v.(languageName); ok {
		return string(s), nil
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "<", `\u003c`), nil
}

var templateLine = regexp.MustCompile(`^template: prompt:(\d+)(?::\d+)?: (?s:(.*))$`)

// templateError puts the file and line where the template package puts its own.
func templateError(file string, err error) error {
	m := templateLine.FindStringSubmatch(err.Error())
	if m == nil {
		return errorAt(file, 0, "%w", err)
	}
	line, _ := strconv.Atoi(m[1]) // the pattern matched digits
	return errorAt(file, line, "%s", m[2])
}
