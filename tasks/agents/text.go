package agents

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/tasks"
)

// maxValue bounds, in characters, each value that a text quotes.
const maxValue = 200

// text is a sentence with ${expressions} in it, compiled.
type text []piece

// piece is a literal or, when value is set, an expression.
type piece struct {
	literal string
	value   *expression
}

// texts is a text by language.
type texts map[tasks.Language]text

// compileTexts compiles a node that is either one text for all languages or a
// text for each.
func (s scope) compileTexts(n *yaml.Node) (texts, error) {
	all := make(texts, len(languages))
	if n.Kind == yaml.ScalarNode {
		t, err := s.compileText(sourceOf(n))
		for _, lang := range languages {
			all[lang] = t
		}
		return all, err
	}
	if !isTexts(n) {
		return nil, errorAt(s.file, n.Line, "want a text, or {zh: …, en: …}; a text with a comma or a colon in it needs quotes")
	}
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		t, err := s.compileText(sourceOf(n.Content[i+1]))
		errs = append(errs, err)
		all[tasks.Language(n.Content[i].Value)] = t
	}
	return all, errors.Join(errs...)
}

// isTexts reports whether n is a mapping with exactly the languages as keys.
func isTexts(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2*len(languages) {
		return false
	}
	for _, lang := range languages {
		v := child(n, string(lang))
		if v == nil || v.Kind != yaml.ScalarNode {
			return false
		}
	}
	return true
}

// child returns the value of a key of a mapping, nil if it has none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// compileText splits src at its ${expressions}.
func (s scope) compileText(src source) (text, error) {
	var t text
	var errs []error
	rest, line := src.text, src.line
	for {
		before, after, found := strings.Cut(rest, "${")
		if before != "" {
			t = append(t, piece{literal: before})
		}
		if !found {
			return t, errors.Join(errs...)
		}
		line += strings.Count(before, "\n")
		end := closing(after)
		if end < 0 {
			return nil, errors.Join(append(errs, errorAt(s.file, line, "${ has no closing }"))...)
		}
		e, err := s.compile(source{text: after[:end], line: line}, reflect.Invalid)
		errs = append(errs, err)
		t = append(t, piece{value: e})
		line += strings.Count(after[:end], "\n")
		rest = after[end+1:]
	}
}

// closing finds the } that ends an expression, past braces and quoted strings
// inside it. It is -1 if there is none.
func closing(s string) int {
	depth, quoted := 0, rune(0)
	for i, r := range s {
		switch {
		case quoted != 0:
			if r == quoted {
				quoted = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quoted = r
		case r == '{':
			depth++
		case r == '}' && depth == 0:
			return i
		case r == '}':
			depth--
		}
	}
	return -1
}

// fill writes the text with the values of env.
func (t text) fill(env map[string]any, lang tasks.Language) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.value == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := p.value.eval(env)
		if err != nil {
			return "", err
		}
		b.WriteString(show(v, lang))
	}
	return b.String(), nil
}

// show writes a value as it reads inside a sentence: on one line, and short.
func show(v any, lang tasks.Language) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return cut(strings.Map(blank, v), maxValue)
	case float64:
		return number(v)
	}
	if items := reflect.ValueOf(v); items.Kind() == reflect.Slice {
		words := make([]string, items.Len())
		for i := range words {
			words[i] = show(items.Index(i).Interface(), lang)
		}
		return strings.Join(words, separator(lang))
	}
	return cut(fmt.Sprint(v), maxValue)
}

// blank turns line breaks and other control characters into spaces.
func blank(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

func separator(lang tasks.Language) string {
	if lang == tasks.Chinese {
		return "、"
	}
	return ", "
}

// number writes f with at most two decimals and no trailing zeros.
func number(f float64) string {
	s := strconv.FormatFloat(f, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
