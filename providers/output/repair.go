package output

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kaptinlin/jsonrepair"
)

// repair repairs the broken JSON that text begins with, and returns it with the
// length of what it was made from; ok is false where that cannot be done without
// guessing. Quotes, commas, comments and braces that were lost between others
// are mended. What was cut off is not: a bracket that was opened and never
// closed makes it fail.
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

// repairer walks over broken JSON, string by string and bracket by bracket, to
// find its end. It writes out what the library is to repair. The strings are not
// for the library, which would change some of them: names stand in their place.
// What it does not know is mended here: punctuation of Chinese keyboards, and
// objects that have lost their opening brace.
type repairer struct {
	text     string
	at       int // where in text
	out      strings.Builder
	contents []string // of strings: the name of each, and what it holds
	open     []rune   // brackets that are not closed yet
	last     rune     // the last visible character that was written; '"' for a string
}

// What a name of a string begins and ends with: characters that have no meaning.
const (
	nameBegin = "\ue000"
	nameEnd   = "\ue001"
)

// ascii is what punctuation of Chinese keyboards stands for between strings.
var ascii = map[rune]rune{'，': ',', '：': ':', '｛': '{', '｝': '}', '［': '[', '］': ']'}

// scan walks to the end of the value. It reports false when there is none.
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

// closeBracket closes a bracket, and an object that has lost its closing brace before
// the end of its array.
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

// inside is the innermost bracket that is open, 0 when none is.
func (m *repairer) inside() rune {
	if len(m.open) == 0 {
		return 0
	}
	return m.open[len(m.open)-1]
}

// comment takes a comment away, if there is one.
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

// word takes a word outside strings. One that JSON has no value for is no word
// to be put in quotes.
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
