package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unexplained returns words of the input's free texts that look like names and
// that masking has left, because neither its rules nor its dictionaries explain
// them. They are values: they must not be logged or sent.
func (m *Mask) Unexplained() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.unexplained)
}

// note records what is unexplained in a text of which spans are masked.
func (m *Mask) note(f *folded, spans []span) {
	for _, w := range vocab().unexplained(f, func(i, j int) bool { return covered(spans, f.at[i], f.to[j-1]) }) {
		if !m.words[w] && !m.products[squeezed(w)] && !strings.Contains(m.public, squeezed(w)) && !slices.Contains(m.unexplained, w) && len(m.unexplained) < maxUnexplained {
			m.unexplained = append(m.unexplained, w)
		}
	}
}

// maxUnexplained is how many unexplained words are kept: one is enough to hold a
// job back, the others only show what to do about it.
const maxUnexplained = 20

// covered reports whether one of the spans, which are in order and apart, touches
// bytes i to j of the source.
func covered(spans []span, i, j int) bool {
	n, _ := slices.BinarySearchFunc(spans, i, func(s span, i int) int {
		if s.end <= i {
			return -1
		}
		return 1
	})
	return n < len(spans) && spans[n].start < j
}

var freeCharacters = runes(all("free_characters"))

// doubtfulCost is what a word costs that is rare enough to be a name where one is
// expected.
const doubtfulCost = 11.8

// acronym is a word in capitals behind what goes with persons and companies.
var (
	acronym  = regexp.MustCompile(`(?:[跟找给被去送与和]|\b(?:from|with|at|by|to|for) )([A-Z]{2,6})(?:[^A-Za-z0-9-]|$)`)
	acronyms = setOf(all("latin_acronyms"))
)

// unexplained lists what looks like a name and is not masked: characters in a row
// that make no word, a rare word that begins with a surname where a name is
// expected, an unknown word in capitals.
func (v *vocabulary) unexplained(f *folded, masked func(i, j int) bool) []string {
	var out []string
	pieces := v.pieces(f)
	o := &organisationFinder{v: v, f: f, l: language(), pieces: pieces}
	for i := 0; i < len(pieces); {
		n := 0
		for i+n < len(pieces) && pieces[i+n].sort == singlePiece && (n == 0 || o.follows(i+n)) && o.strange(i+n) && !freeCharacters[firstRune(o.text(i+n))] && !masked(pieces[i+n].start, pieces[i+n].end) && !language().vague[firstRune(o.text(i+n))] && !counted(f, pieces[i+n].start) {
			n++
		}
		if n >= 2 && (n != 2 || !isDigit(byteBefore(f, pieces[i].start))) {
			out = append(out, f.text[pieces[i].start:pieces[i+n-1].end])
		} else if v.doubtful(f, pieces[i]) && !masked(pieces[i].start, pieces[i].end) {
			out = append(out, f.text[pieces[i].start:pieces[i].end])
		}
		i += max(n, 1)
	}
	for _, m := range acronym.FindAllStringSubmatchIndex(f.text, -1) {
		if w := f.text[m[2]:m[3]]; !acronyms[w] && !isEnglish(strings.ToLower(w)) && !masked(m[2], m[3]) {
			out = append(out, w)
		}
	}
	return out
}

func byteBefore(f *folded, i int) byte {
	if i == 0 {
		return 0
	}
	return f.text[i-1]
}

// doubtful reports whether a word is where a name is expected and could be
// one: 白雪 in 白雪产假.
func (v *vocabulary) doubtful(f *folded, p piece) bool {
	t := f.text[p.start:p.end]
	n := utf8.RuneCountInString(t)
	if p.sort != wordPiece || n < 2 || n > 3 || v.surnames[t[:han]] == 0 || v.cost(t) < doubtfulCost {
		return false
	}
	for _, r := range t[han:] {
		if !language().given[r] {
			return false
		}
	}
	if language().words[t] || language().places[t] || nobodyNames[t] || v.cost(t) == listedCost {
		return false
	}
	opens, closes := v.before(f, p.start) >= 1, v.behind(f, p.start, p.end) >= 1.5
	return v.labelled(f, p.start) || opens && closes
}
