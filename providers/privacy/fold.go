package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// folded is a text as it is searched: full-width forms as ASCII, all dashes and
// spaces alike, invisible characters dropped. Detectors work on it, and its
// offsets lead back to the text itself.
type folded struct {
	text  string // with its case
	lower string // the same without; byte for byte as long
	at    []int  // by byte of text: where its character begins in the source
	to    []int  // and where it ends there
}

func fold(src string) *folded {
	f := &folded{at: make([]int, 0, len(src)), to: make([]int, 0, len(src))}
	var text, lower strings.Builder
	text.Grow(len(src))
	lower.Grow(len(src))
	for i := 0; i < len(src); {
		if c := src[i]; c < utf8.RuneSelf {
			text.WriteByte(c)
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			lower.WriteByte(c)
			f.at, f.to = append(f.at, i), append(f.to, i+1)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(src[i:])
		begin := i
		i += size
		r = foldRune(r)
		if r < 0 {
			continue
		}
		n, _ := text.WriteRune(r)
		if l := unicode.ToLower(r); utf8.RuneLen(l) == n {
			lower.WriteRune(l)
		} else {
			lower.WriteRune(r)
		}
		for range n {
			f.at, f.to = append(f.at, begin), append(f.to, i)
		}
	}
	f.text, f.lower = text.String(), lower.String()
	return f
}

// foldRune returns r in the form that is searched; negative: nothing of it.
func foldRune(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case r >= '！' && r <= '～': // full-width ASCII
		return r - '！' + '!'
	case r == '\u3000' || r == '\u00A0' || r >= '\u2000' && r <= '\u200A' || r == '\u202F':
		return ' '
	case isHan(r):
		return simplified(r)
	case isInvisible(r):
		return -1
	case r >= '\u2010' && r <= '\u2015' || r == '\u2212' || r == '﹣':
		return '-'
	case r == '・' || r == '•' || r == '‧':
		return '·'
	case r == '’' || r == '‘':
		return '\''
	}
	return plainLetter(r)
}

// isInvisible reports whether nothing is to be seen of r by itself: joiners, marks
// of direction, variations, and accents that follow their letter.
func isInvisible(r rune) bool {
	return r >= '\u200B' && r <= '\u200F' || r >= '\u202A' && r <= '\u202E' || r >= '\u2060' && r <= '\u206F' || r == '\uFEFF' || r == '\u00AD' ||
		r >= '\uFE00' && r <= '\uFE0F' || r >= '\U000E0000' && r <= '\U000E01EF' || r >= '\u0300' && r <= '\u036F' || r == '\u20E3'
}

// span is a place in a source text that holds a value.
type span struct {
	start, end int // bytes of the source
	kind       Kind
	base       string // key of the value that it is a spelling of; "": it is one by itself
	rank       int    // precedence of its kind where two overlap; the lower wins
}

// source returns the span of the source from which text[i:j], which must not be
// empty, was folded.
func (f *folded) source(i, j int, kind Kind, rank int) span {
	return span{start: f.at[i], end: f.to[j-1], kind: kind, rank: rank}
}

// before and after return the characters beside a place, 0 where there is none.
func (f *folded) before(i int) rune {
	if i == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(f.text[:i])
	return r
}

func (f *folded) after(j int) rune {
	if j >= len(f.text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(f.text[j:])
	return r
}

func isASCIIWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// squeezed returns a value without what may separate its characters.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if r = foldRune(r); r < 0 || isFiller(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// isFiller reports whether a folded character may occur inside a spelling of a
// value without being a part of it.
func isFiller(r rune) bool { return unicode.IsSpace(r) || r == '·' }

// skeleton returns only the letters and digits of a text.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToLower(foldRune(r)); unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}
