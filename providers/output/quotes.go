package output

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// closings are the quotes that may begin a string, and those that may end it.
var closings = map[rune][]rune{
	'"': {'"'}, '\'': {'\''}, '`': {'`'},
	'“': {'”', '“', '"'}, '”': {'”', '“', '"'}, '‘': {'’', '‘', '\''},
}

// beginsString reports whether a quote begins a string here, rather than being part
// of a bare word.
func (m *repairer) beginsString(r rune) bool {
	return r == '"' || strings.ContainsRune(`{[,:"`, m.last)
}

// quoted reads a string and writes its name. It reports false if the string never
// ends.
func (m *repairer) quoted(quote rune) bool {
	key := m.last != ':'
	begin := m.at + utf8.RuneLen(quote)
	length, size := m.stringEnd(m.text[begin:], quote, key)
	if size == 0 {
		return false
	}
	content := m.text[begin : begin+length]
	m.at = begin + length + size
	switch colon := colonFollows(m.text[m.at:]); {
	case colon && !key:
		return false // a value lacks its end
	case colon && m.inside() == '[':
		m.openBracket('{') // an object lacks its opening brace
	}
	name := nameBegin + strconv.Itoa(len(m.contents)/2) + nameEnd
	m.contents = append(m.contents, name, escape(content))
	m.out.WriteString(`"` + name + `"`)
	m.last = '"'
	return true
}

// escape returns the content of a string as JSON: it escapes quotes, line breaks,
// and backslashes that escape nothing, and drops other control characters.
func escape(content string) string {
	var b strings.Builder
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRuneInString(content[i:])
		switch {
		case r == '\\' && escapes(content[i+1:]):
			size++
			b.WriteString(content[i : i+size])
		case r == '\\' && strings.HasPrefix(content[i+1:], "'"):
			// an apostrophe needs no escape
		case r == '\\', r == '"':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsControl(r):
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

var unicodeEscape = regexp.MustCompile(`^u[0-9a-fA-F]{4}`)

// escapes reports whether a backslash before rest is an escape of JSON.
func escapes(rest string) bool {
	return rest != "" && strings.ContainsRune(`"\/bfnrt`, rune(rest[0])) || unicodeEscape.MatchString(rest)
}

// stringEnd returns the length of the string that text begins with, and the size
// of the closing quote, 0 if there is none. A quote ends a string only if JSON
// follows.
func (m *repairer) stringEnd(text string, quote rune, key bool) (length, size int) {
	ends := closings[quote]
	escaped := false
	for i, r := range text {
		size := utf8.RuneLen(r)
		if !escaped && slices.Contains(ends, r) && endsString(text[i+size:], key) {
			return i, size
		}
		escaped = r == '\\' && !escaped
	}
	return 0, 0
}

// endsString reports whether rest can follow a string. Commas and colons of Chinese
// keyboards also occur within texts, so more must follow them.
func endsString(rest string, key bool) bool {
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	if rest == "" {
		return false
	}
	next, size := utf8.DecodeRuneInString(rest)
	switch next {
	case ',', '}', ']', ':', '"', '｝', '］', '+':
		return true
	case '：':
		return key
	case '，':
		after, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(rest[size:], unicode.IsSpace))
		return closings[after] != nil || strings.ContainsRune("{[}]｛［｝］", after)
	case '/', '#':
		return strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || next == '#'
	}
	return false
}

func colonFollows(rest string) bool {
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	return strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "：")
}
