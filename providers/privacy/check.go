package privacy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Doubt says that a masked text may still hold a value. It names kinds only.
type Doubt struct{ Kinds []Kind }

// Error describes the doubt, without the value.
func (d *Doubt) Error() string {
	return fmt.Sprintf("the masked text may still hold values of these kinds: %v", d.Kinds)
}

// Check searches a text that is about to be sent, once more and with less
// regard for how a value is written. It returns a *Doubt when something is left
// that the mask should have covered.
func (m *Mask) Check(text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.withoutTokens(text)
	var kinds []Kind
	f := fold(rest)
	guess := detect
	if m.fieldsOnly {
		guess = byForm
	}
	for _, s := range append(m.dict.find(f), guess(f)...) {
		if value := rest[s.start:s.end]; !m.harmless(value) {
			kinds = append(kinds, s.kind)
		}
	}
	if len(kinds) == 0 {
		kinds = m.skeletons(rest)
	}
	if len(kinds) > 0 {
		return &Doubt{Kinds: kinds}
	}
	return nil
}

// withoutTokens puts a mark in the place of every token.
func (m *Mask) withoutTokens(text string) string {
	var b strings.Builder
	last := rune(0)
	r := reader{text, true, true}
	for i := 0; i < len(text); {
		h, v := m.tokens.at(r, i, last)
		if v == found && h.entry != nil {
			b.WriteString("\uFFFC")
			i, last = h.end, '⟧'
			continue
		}
		c, size, _ := r.next(i)
		last = c
		b.WriteString(text[i : i+size])
		i += size
	}
	return b.String()
}

// harmless reports whether a value may be sent: it is in what every job of the
// agent sends, or an amount that only looks like something else.
func (m *Mask) harmless(value string) bool {
	return m.kept[value] || m.words[value] || m.products[squeezed(value)] || strings.Contains(m.public, squeezed(value))
}

// Values of fewer letters and digits than these are not searched as skeletons:
// they would be found where they are not.
const (
	shortestHan   = 4
	shortestLatin = 8
)

// skeletons looks for known values in the letters and digits of a text alone:
// those of the dictionary, and those that were masked.
func (m *Mask) skeletons(text string) []Kind {
	bones, public := skeleton(text), skeleton(m.public)
	var kinds []Kind
	look := func(spelling string, kind Kind) bool {
		key := skeleton(spelling)
		shortest := shortestLatin
		if hasHan(key) {
			shortest = shortestHan
		}
		left := utf8.RuneCountInString(key) >= shortest && strings.Contains(bones, key) && !strings.Contains(public, key) && !m.kept[key]
		if left {
			kinds = append(kinds, kind)
		}
		return left
	}
	for spelling, kind := range m.dict.known {
		if look(spelling, kind) {
			return kinds
		}
	}
	for _, e := range m.tokens.order {
		if e.used && slices.ContainsFunc(e.spellings, func(s string) bool { return look(s, e.kind) }) {
			return kinds
		}
	}
	return nil
}
