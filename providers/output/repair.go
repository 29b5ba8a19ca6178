package output

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kaptinlin/jsonrepair"
)

// repair repairs the broken JSON that text begins with, and returns it and the
// length of the original; ok is false if that would take guessing. It repairs
// quotes, commas, comments, and braces that are missing between others. It fails
// if a bracket is never closed, since the JSON was then cut off.
func repair(text string) (value json.RawMessage, length int, ok bool) {
	m := repairer{text: text}
	if strings.ContainsAny(text, nameBegin+nameEnd) || !m.scan() {
		return nil, 0, false
	}
	repaired, err := jsonrepair.Repair(m.out.String())
	if err != nil {
		return nil, 0, false
	}
	value = json.RawMessage(strings.TrimSpace(strings.NewReplacer(m.contents...).Replace(repaired)))
	if !json.Valid(value) || value[0] != text[0] {
		return nil, 0, false
	}
	return value, m.at, true
}

// repairer scans broken JSON, string by string and bracket by bracket, to find its
// end, and writes the input of the library. It replaces strings with names, since
// the library would change some of them, and repairs what the library does not
// know: punctuation of Chinese keyboards, and objects without an opening brace.
type repairer struct {
	text     string
	at       int // offset in text
	out      strings.Builder
	contents []string // the name and the content of each string
	open     []rune   // open brackets
	last     rune     // the last visible character that was written; '"' for a string
}

// What the name of a string begins and ends with: private-use characters.
const (
	nameBegin = "\ue000"
	nameEnd   = "\ue001"
)

// ascii maps the punctuation of Chinese keyboards to that of JSON.
var ascii = map[rune]rune{'，': ',', '：': ':', '｛': '{', '｝': '}', '［': '[', '］': ']'}

// scan scans to the end of the value. It reports false if there is none.
func (m *repairer) scan() bool {
	for m.at < len(m.text) {
		r, size := utf8.DecodeRuneInString(m.text[m.at:])
		if a, ok := ascii[r]; ok {
			r = a
		}
		ok := true
		switch {
		case m.comment():
			continue
		case closings[r] != nil && m.beginsString(r):
			ok = m.quoted(r)
		case r == '{' || r == '[':
			m.at += size
			m.openBracket(r)
		case r == '}' || r == ']':
			m.at += size
			if ok = m.closeBracket(r); ok && len(m.open) == 0 {
				return true
			}
		case unicode.IsLetter(r):
			ok = m.word()
		case r == ',' && m.last == ':':
			ok = false // a value is missing
		default:
			m.at += size
			m.write(r)
		}
		if !ok {
			return false
		}
	}
	return false
}

func (m *repairer) write(r rune) {
	m.out.WriteRune(r)
	if !unicode.IsSpace(r) {
		m.last = r
	}
}

func (m *repairer) openBracket(r rune) {
	m.open = append(m.open, r)
	m.write(r)
}

// closeBracket closes a bracket, and an object that lacks its closing brace at the
// end of an array.
func (m *repairer) closeBracket(r rune) bool {
	if m.last == ':' {
		return false
	}
	if r == ']' && m.inside() == '{' {
		m.open = m.open[:len(m.open)-1]
		m.write('}')
	}
	if m.inside() != map[rune]rune{'}': '{', ']': '['}[r] {
		return false
	}
	m.open = m.open[:len(m.open)-1]
	m.write(r)
	return true
}

// inside returns the innermost open bracket, 0 if there is none.
func (m *repairer) inside() rune {
	if len(m.open) == 0 {
		return 0
	}
	return m.open[len(m.open)-1]
}

// comment skips a comment, and reports whether there was one.
func (m *repairer) comment() bool {
	rest := m.text[m.at:]
	var end string
	switch {
	case strings.HasPrefix(rest, "/*"):
		end = "*/"
	case strings.HasPrefix(rest, "//"), rest[0] == '#':
		end = "\n"
	default:
		return false
	}
	// Not in a bare word, such as an address.
	if m.at > 0 && !strings.ContainsAny(m.text[m.at-1:m.at], " \t\r\n,{[}]\"0123456789") {
		return false
	}
	_, after, found := strings.Cut(rest[1:], end)
	if !found {
		after = ""
	}
	m.at = len(m.text) - len(after)
	m.out.WriteByte(' ')
	return true
}

// word reads a bare word. It reports false for one that has no value in JSON, since
// that must not be quoted.
func (m *repairer) word() bool {
	end := strings.IndexFunc(m.text[m.at:], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	if end < 0 {
		return false
	}
	word := m.text[m.at : m.at+end]
	m.at += end
	m.out.WriteString(word)
	m.last = 'w'
	return word != "NaN" && word != "Infinity" && word != "undefined"
}
