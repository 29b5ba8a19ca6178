package privacy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text masks a text. The caller holds the lock, or is the only one.
func (m *Mask) text(text string) string {
	f := fold(text)
	spans := m.findIn(text, f)
	if m.noting {
		m.note(f, spans)
		m.noteNames(text, spans)
	}
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for i, s := range spans {
		b.WriteString(text[at:s.start])
		token := m.tokens.token(s.base, s.kind, text[s.start:s.end])
		touches := i+1 < len(spans) && spans[i+1].start == s.end || i > 0 && spans[i-1].end == s.start
		if touches || ambiguous(text, s) {
			token = openMark + token + closeMark
		}
		b.WriteString(token)
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// ambiguous reports whether a token without brackets would run together with
// the text beside it.
func ambiguous(text string, s span) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:s.start])
	after, _ := utf8.DecodeRuneInString(text[s.end:])
	for _, r := range []rune{foldRune(before), foldRune(after)} {
		if isASCIIWord(r) || strings.ContainsRune("_'⟦⟧", r) && r != 0 || r < 0 {
			return true
		}
	}
	return s.end < len(text) && after == utf8.RuneError || s.start > 0 && before == utf8.RuneError
}

// find returns the places of values in a text, in order and apart from one
// another.
func (m *Mask) find(text string) []span { return m.findIn(text, fold(text)) }

// findIn is find, for a text that has been folded.
func (m *Mask) findIn(text string, f *folded) []span {
	spans := m.dict.find(f)
	known := len(spans)
	if m.fieldsOnly {
		return m.settle(text, append(spans, byForm(f)...), known)
	}
	spans = append(spans, detect(f)...)
	spans = append(spans, again(f, text, spans)...)
	return m.settle(text, spans, known)
}

// again finds the names of persons that a text has shown once wherever else it
// holds them, and the surnames of those in Latin letters: the context of a name need not
// show it each time.
func again(f *folded, text string, spans []span) []span {
	names := newDictionary()
	for _, s := range spans {
		if s.kind != Person || s.rank != rankContext {
			continue
		}
		name := fold(text[s.start:s.end]).text
		switch {
		case !hasHan(name):
			for w := range strings.FieldsSeq(name) {
				if isSurname(w) {
					names.add(w, word{kind: Person, capital: true})
				}
			}
		case len(name) >= 3*han && allHan(name) && !titleEnds(name) && !vocab().knows(name):
			names.add(name, word{kind: Person})
		}
	}
	if len(names.known) == 0 {
		return nil
	}
	found := names.find(f)
	for i := range found {
		found[i].rank = rankContext
	}
	return found
}

// isSurname reports whether a part of a name in Latin letters names somebody by
// itself.
func isSurname(w string) bool {
	return len(w) > 2 && unicode.IsUpper(firstRune(w)) && strings.ToLower(w[1:]) == w[1:] && !latinTitles[strings.ToLower(w)] && !leading[w]
}

// byForm finds the values that their form identifies.
func byForm(f *folded) []span { return append(formed(f), numbers(f)...) }

// detect finds the values that no dictionary is needed for.
func detect(f *folded) []span {
	spans := byForm(f)
	spans = append(spans, people(f)...)
	spans = append(spans, foreign(f)...)
	pieces := vocab().pieces(f)
	for _, p := range pieces {
		if p.sort == personPiece {
			spans = append(spans, f.source(p.start, p.end, Person, rankContext))
		}
	}
	spans = append(spans, vocab().mentions(f)...)
	spans = append(spans, vocab().organisations(f, pieces)...)
	spans = append(spans, vocab().slots(f, pieces)...)
	spans = append(spans, vocab().companyLists(f, pieces)...)
	spans = append(spans, latinSlots(f)...)
	spans = append(spans, companies(f)...)
	return append(spans, addresses(f)...)
}

// settle makes one place of those that overlap, so that no piece of a value is
// left over. A name of the dictionary is not extended to its left by a guess
// that ends where it does.
func (m *Mask) settle(text string, spans []span, known int) []span {
	sure := make(map[int]int, known) // end → start of what the dictionary has found
	for _, s := range spans[:known] {
		if at, ok := sure[s.end]; !ok || s.start < at {
			sure[s.end] = s.start
		}
	}
	starts := make(map[int]int, known)
	for _, s := range spans[:known] {
		if s.kind == Person {
			starts[s.start] = max(starts[s.start], s.end)
		}
	}
	spans = slices.DeleteFunc(slices.Clone(spans), func(s span) bool {
		if end := starts[s.start]; end > 0 && end < s.end && s.kind == Person && s.rank == rankContext && allHan(text[s.start:s.end]) && titleAt(fold(text[end:s.end]).text) == "" {
			return true
		}
		at, ok := sure[s.end]
		return ok && at > s.start && s.rank == rankContext && (s.kind != Person || !language().compound[fold(text[s.start:s.end]).text[:min(2*han, s.end-s.start)]]) && (s.kind == Company || s.kind == Person) || s.rank != rankDictionary && (m.words[text[s.start:s.end]] || m.products[squeezed(text[s.start:s.end])])
	})
	slices.SortStableFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	var out []span
	for _, s := range spans {
		last := len(out) - 1
		if last < 0 || s.start >= out[last].end {
			out = append(out, s)
			continue
		}
		out[last] = union(out[last], s)
	}
	for i := range out {
		m.link(text, &out[i])
	}
	return out
}

// union covers both of two overlapping places; the longer one gives the kind,
// and a value of the dictionary inside of the same sort the value.
func union(a, b span) span {
	longer, shorter := a, b
	if b.end-b.start > a.end-a.start {
		longer, shorter = b, a
	}
	if longer.base == "" && (related(longer.kind, shorter.kind) || shorter.start == longer.start && shorter.end == longer.end) {
		longer.base, longer.kind = shorter.base, pick(longer.kind, shorter)
	}
	longer.start, longer.end, longer.rank = min(a.start, b.start), max(a.end, b.end), min(a.rank, b.rank)
	return longer
}

func pick(kind Kind, s span) Kind {
	if s.base != "" {
		return s.kind
	}
	return kind
}

// related reports whether one may be a spelling of the other.
func related(a, b Kind) bool {
	return a == b || (a == Client || a == Company) && (b == Client || b == Company)
}

// link gives a place its value: the person of the dictionary who is meant by
// surname and title, if there is exactly one, else the text itself.
func (m *Mask) link(text string, s *span) {
	if s.base != "" {
		return
	}
	value := text[s.start:s.end]
	if s.kind == Person {
		value := fold(value).text
		if surname, _ := language().surname(strings.TrimLeft(value, "小老阿")); surname != "" && len(m.persons[surname]) == 1 {
			rest := strings.TrimPrefix(strings.TrimLeft(value, "小老阿"), surname)
			if rest == "" || slices.Contains(honorifics, rest) {
				s.base = m.persons[surname][0]
				return
			}
		}
	}
	s.base = string(s.kind) + ":" + squeezed(value)
}
