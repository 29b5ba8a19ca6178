package privacy

import (
	"bytes"
	"embed"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed lexicon
var lexiconFiles embed.FS

// set is a set of words.
type set map[string]bool

// lexicon is what the context rules know of language.
type lexicon struct {
	plain, vague   map[rune]bool // surnames
	compound       set           // surnames of two characters
	given          map[rune]bool // characters of given names
	words          set           // that begin with a surname
	ends           set           // that end in one
	places, trades set
	stems          set // what makes no name before a trade

	tradesBySize []string // the longest first
}

// language returns the lexicon, read once.
var language = sync.OnceValue(func() *lexicon {
	l := &lexicon{
		plain: runes(all("surnames_plain")), vague: runes(all("surnames_vague")), compound: setOf(all("surnames_compound")),
		given: runes(all("given")),
		words: setOf(all("words")), ends: setOf(all("ends")),
		places: setOf(all("places")), trades: setOf(all("trades")), stems: setOf(all("plain")),
	}
	for r := range l.vague {
		delete(l.plain, r)
	}
	l.tradesBySize = longestFirst(l.trades)
	return l
})

// all returns the words of a file of the lexicon, one a line. Lines that begin
// with # are comments.
func all(name string) []string {
	raw, err := lexiconFiles.ReadFile("lexicon/" + name + ".txt")
	if err != nil {
		panic(err) // it is part of this program
	}
	words := make([]string, 0, bytes.Count(raw, []byte("\n")))
	for line := range strings.Lines(string(raw)) {
		if word := strings.TrimSpace(line); word != "" && word[0] != '#' {
			words = append(words, word)
		}
	}
	return words
}

func setOf(words []string) set {
	s := make(set, len(words))
	for _, w := range words {
		s[w] = true
	}
	return s
}

func runes(words []string) map[rune]bool {
	m := map[rune]bool{}
	for _, w := range words {
		for _, r := range w {
			m[r] = true
		}
	}
	return m
}

// surname returns the surname that a text begins with, and whether it hardly
// begins anything else; "" when it begins with none.
func (l *lexicon) surname(text string) (name string, sure bool) {
	r, n := utf8.DecodeRuneInString(text)
	if _, m := utf8.DecodeRuneInString(text[n:]); l.compound[text[:n+m]] {
		return text[:n+m], true
	}
	if l.plain[r] || l.vague[r] {
		return text[:n], l.plain[r]
	}
	return "", false
}

// generic reports whether a text is made of places, trades and the like alone,
// so that it names nobody.
func (l *lexicon) generic(text string) bool {
	for text != "" {
		n := 0
		for _, words := range []set{l.places, l.trades, l.stems} {
			for size := min(len(text), 18); size > n; size-- {
				if words[text[:size]] {
					n = size
				}
			}
		}
		if n == 0 {
			return false
		}
		text = text[n:]
	}
	return true
}
