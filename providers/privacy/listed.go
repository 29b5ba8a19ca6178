package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The sizes of a name that a model lists, in characters without spaces.
const (
	shortestFound = 2
	longestFound  = 40
)

// takeFound takes what a model has listed into the dictionary. A model makes
// things up, and lists too much: what the input does not hold, a usual word, an
// amount or a date is passed over.
func (m *Mask) takeFound(found []Found) {
	source := squeezed(m.source)
	for _, n := range found {
		kind := n.Kind
		switch kind {
		case Person, Company, Project, Address:
		default:
			continue
		}
		text := strings.TrimSpace(n.Text)
		key := squeezed(text)
		if !m.isName(key, text) || !strings.Contains(source, key) {
			continue
		}
		if m.dict.known[key] == "" {
			base := string(kind) + ":" + key
			m.tokens.enter(base, kind, text)
			m.dict.add(text, word{base: base, kind: kind, capital: !hasHan(text) && text != strings.ToLower(text)})
		}
	}
}

// isName reports whether what a model lists can be a name.
func (m *Mask) isName(key, text string) bool {
	n := utf8.RuneCountInString(key)
	switch {
	case n < shortestFound || n > longestFound || nobody[key] || m.words[text] || m.products[key] || strings.Contains(m.public, key):
		return false
	case !strings.ContainsFunc(key, unicode.IsLetter) || amount.MatchString(text):
		return false
	case hasHan(text):
		return !titles[text] && !noPart[text] && withoutRole(text) != "" && !language().generic(text) && vocab().cost(text) > usualFound
	}
	return !isEnglish(strings.ToLower(text)) || text != strings.ToLower(text)
}

// usualFound is what a word costs that is so usual that a model is not believed
// when it lists it as a name.
const usualFound = 10.5

// noteNames records the persons and companies that the rules have guessed.
func (m *Mask) noteNames(text string, spans []span) {
	for _, s := range spans {
		if s.rank == rankContext && (s.kind == Person || s.kind == Company) {
			m.guessed[squeezed(text[s.start:s.end])] = true
		}
	}
}

// Confirms reports whether a list agrees with what the rules have found: it holds
// at least half of those persons and companies. A list that does not is the work
// of a model that did not read the text, and explains nothing.
func (m *Mask) Confirms(found []Found) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := 0
	for name := range m.guessed {
		for _, n := range found {
			if key := squeezed(n.Text); key != "" && (strings.Contains(name, key) || strings.Contains(key, name)) {
				held++
				break
			}
		}
	}
	return 2*held >= len(m.guessed)
}

// noteText records a text that is no value of a field.
func (m *Mask) noteText(text string) {
	if m.noting && !m.words[text] && !m.products[squeezed(text)] && strings.ContainsFunc(text, unicode.IsLetter) && utf8.RuneCountInString(squeezed(text)) >= shortestFound {
		m.texts = append(m.texts, text)
	}
}

// FreeTexts returns the texts of the input that are no values of fields. They are
// not masked.
func (m *Mask) FreeTexts() []string { return m.texts }

// longestLabel is the longest text that is no prose, in characters.
const longestLabel = 40

// Prose reports whether the input holds free text: a sentence, or what is longer
// than a label.
func (m *Mask) Prose() bool {
	for _, text := range m.texts {
		if utf8.RuneCountInString(text) > longestLabel || strings.ContainsAny(text, "。！？；，\n") || len(strings.Fields(text)) > 6 {
			return true
		}
	}
	return false
}
