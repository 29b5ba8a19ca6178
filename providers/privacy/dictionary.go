package privacy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dictionary holds values and their spellings, and finds them in a text in one
// pass, the longest at each place. Case, width, and spaces between characters do
// not matter.
type dictionary struct {
	nodes []node
	known map[string]Kind // the squeezed spellings
}

type node struct {
	next map[rune]int
	word *word // that ends here
}

// word is one spelling of a value.
type word struct {
	base    string // key of the value
	kind    Kind
	capital bool // it also is a common word, so that a small first letter means that
}

func newDictionary() *dictionary {
	return &dictionary{nodes: make([]node, 1), known: map[string]Kind{}}
}

// add takes a spelling in. The first meaning of a spelling stays.
func (d *dictionary) add(spelling string, w word) {
	key := squeezed(spelling)
	if key == "" || d.known[key] != "" {
		return
	}
	d.known[key] = w.kind
	at := 0
	for _, r := range key {
		if d.nodes[at].next == nil {
			d.nodes[at].next = map[rune]int{}
		}
		to, ok := d.nodes[at].next[r]
		if !ok {
			to = len(d.nodes)
			d.nodes[at].next[r] = to
			d.nodes = append(d.nodes, node{})
		}
		at = to
	}
	d.nodes[at].word = &w
}

// find returns the places of values in a text.
func (d *dictionary) find(f *folded) []span {
	var spans []span
	for i := 0; i < len(f.lower); {
		_, size := utf8.DecodeRuneInString(f.lower[i:])
		if end, w := d.match(f, i); w != nil {
			s := f.source(i, end, w.kind, rankDictionary)
			s.base = w.base
			spans = append(spans, s)
		}
		i += size // the next may overlap: both are covered
	}
	return spans
}

// maxFiller is how many spaces may separate two characters of a value.
const maxFiller = 2

// match returns the end of the longest value that begins at text[i].
func (d *dictionary) match(f *folded, i int) (end int, found *word) {
	at, fillers, split := 0, 0, false
	for j := i; j < len(f.lower); {
		r, size := utf8.DecodeRuneInString(f.lower[j:])
		if isFiller(r) && j > i {
			if fillers++; fillers > maxFiller {
				break
			}
			j += size
			continue
		}
		to, ok := d.nodes[at].next[r]
		if !ok {
			break
		}
		split = split || fillers > 0
		at, fillers = to, 0
		j += size
		if w := d.nodes[at].word; w != nil && whole(f, i, j, split) && (!w.capital || capitals(f.text[i:j])) {
			end, found = j, w
		}
	}
	return end, found
}

// whole reports whether text[i:j] is not a piece of a longer word: Latin letters
// and digits go on beside it, or two Chinese characters with a space between
// them belong to the text on either side.
func whole(f *folded, i, j int, split bool) bool {
	first, last := f.after(i), lastRune(f.text[i:j])
	if isLatin(first) && isLatin(f.before(i)) || isLatin(last) && isLatin(f.after(j)) {
		return false
	}
	if split && utf8.RuneCountInString(squeezed(f.text[i:j])) == 2 {
		return !isHan(f.before(i)) || !isHan(f.after(j))
	}
	return true
}

// capitals reports whether every word begins with a capital.
func capitals(s string) bool {
	for w := range strings.FieldsSeq(s) {
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsLower(r) {
			return false
		}
	}
	return true
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// isLatin reports whether words of r are set apart by spaces.
func isLatin(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !isHan(r)
}

func longestFirst(s set) []string {
	out := make([]string, 0, len(s))
	for w := range s {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		if a < b {
			return -1
		}
		return 1
	})
	return out
}
