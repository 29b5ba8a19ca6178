package fuzzapi

import (
	"regexp/syntax"
	"strings"
	"time"
	"unicode/utf8"
)

// pieces are what texts are made of: what people write, and what programs trip
// over.
var pieces = []string{
	"a", "Z", "0", " ", "3号产线改造", "über", "👩‍🔧", "é", "\u202e", "\u2028", "\ufeff", "\x00", "\t", "\r\n", "\x7f",
	`"`, `\`, "'", "<script>", "&amp;", "{{.}}", "${x}", "%00", "%s%n", "../..", ";--", "null", "NaN", "-1", "job_", "\ufffd",
}

// text makes a text that fits a schema.
func (m *maker) text(schema map[string]any) string {
	if pattern, ok := schema["pattern"].(string); ok {
		if s := m.matching(pattern); float64(utf8.RuneCountInString(s)) <= bound(schema, "maxLength", 4096) {
			return s
		}
		return m.shortest(pattern)
	}
	switch schema["format"] {
	case "date-time":
		return m.time()
	case "date":
		return m.now.AddDate(0, 0, m.IntN(400)-200).Format(time.DateOnly)
	case "uri":
		return "https://hooks.example.com/" + pick(m.Rand, []string{"", "a", "a?b=c"})
	}
	least, most := int(bound(schema, "minLength", 0)), int(bound(schema, "maxLength", 40))
	want := least + m.IntN(max(min(most-least, 40), 0)+1)
	if m.chance(0.02) {
		want = min(most, 2000)
	}
	var b strings.Builder
	if want >= len(m.canary) && m.chance(0.5) {
		b.WriteString(m.canary)
	}
	if m.solid && b.Len() == 0 {
		b.WriteString("s")
	}
	n := b.Len()
	for n < want {
		p := pick(m.Rand, pieces)
		if size := utf8.RuneCountInString(p); n+size > want {
			p = strings.Repeat("x", want-n)
		}
		b.WriteString(p)
		n += utf8.RuneCountInString(p)
	}
	return b.String()
}

// time makes a time within some days of now, in one of the ways to write it.
func (m *maker) time() string {
	at := m.now.Add(time.Duration(m.Int64N(int64(96*time.Hour))) - 48*time.Hour)
	return at.In(time.FixedZone("", m.IntN(28)*1800-6*3600)).Format(pick(m.Rand, []string{time.RFC3339, time.RFC3339Nano}))
}

// matching makes a text that a regular expression matches.
func (m *maker) matching(pattern string) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	m.write(&b, parsed.Simplify(), 20)
	return b.String()
}

// shortest makes a short one.
func (m *maker) shortest(pattern string) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	m.write(&b, parsed.Simplify(), 1)
	return b.String()
}

// write writes what e matches; what may be repeated is at most that often.
func (m *maker) write(b *strings.Builder, e *syntax.Regexp, most int) {
	switch e.Op {
	case syntax.OpLiteral:
		b.WriteString(string(e.Rune))
	case syntax.OpCharClass:
		b.WriteRune(m.oneOf(e.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune(' ' + m.Int32N('~'-' '))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range e.Sub {
			m.write(b, sub, most)
		}
	case syntax.OpAlternate:
		m.write(b, pick(m.Rand, e.Sub), most)
	case syntax.OpQuest:
		if m.chance(0.5) {
			m.write(b, e.Sub[0], most)
		}
	case syntax.OpStar, syntax.OpPlus:
		n := m.IntN(most)
		if e.Op == syntax.OpPlus {
			n++
		}
		for range n {
			m.write(b, e.Sub[0], most)
		}
	}
}

// oneOf picks from ranges of characters, plain ones if it may.
func (m *maker) oneOf(ranges []rune) rune {
	i := m.IntN(len(ranges)/2) * 2
	lo, hi := ranges[i], min(ranges[i+1], 0xd7ff) // no surrogates
	if lo <= ' ' && hi > ' ' {
		lo = '!'
	}
	return lo + m.Int32N(min(max(hi-lo, 0), 500)+1)
}
