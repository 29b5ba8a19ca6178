package privacy

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The characters of the unified block of Chinese, for which there is a table.
const (
	firstHan = 0x4E00
	endHan   = 0x9FFF
)

// simple leads from traditional characters to simplified ones.
var simple = sync.OnceValue(func() *[endHan - firstHan + 1]uint16 {
	var table [endHan - firstHan + 1]uint16
	for _, pair := range all("traditional") {
		from, n := utf8.DecodeRuneInString(pair)
		to, _ := utf8.DecodeRuneInString(pair[n:])
		table[from-firstHan] = uint16(to)
	}
	return &table
})

// simplified returns a Chinese character in its simplified form, in which the
// lexicon is written.
func simplified(r rune) rune {
	if r < firstHan || r > endHan {
		return r
	}
	if s := simple()[r-firstHan]; s != 0 {
		return rune(s)
	}
	return r
}

// latinLetters is the end of the blocks of Latin letters with accents.
const latinLetters = 0x250

// plainLetters leads from letters with accents to those without.
var plainLetters = sync.OnceValue(func() *[latinLetters]rune {
	var table [latinLetters]rune
	for r := range rune(latinLetters) {
		table[r] = r
		if base, n := utf8.DecodeRuneInString(norm.NFD.String(string(r))); n > 0 && unicode.IsLetter(base) {
			table[r] = base
		}
	}
	return &table
})

// plainLetter returns a letter without its accent, which may be written apart
// from it, and a digit of any script as one of ASCII.
func plainLetter(r rune) rune {
	switch {
	case r < latinLetters:
		return plainLetters()[r]
	case r >= 0x1E00 && r <= 0x1EFF:
		base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
		return base
	case !unicode.Is(unicode.Nd, r):
		return r
	}
	zero := r // digits come in tens, from zero on
	for n := 0; n < 9 && unicode.Is(unicode.Nd, zero-1); n++ {
		zero--
	}
	for _, block := range unicode.Nd.R32 {
		if lo := rune(block.Lo); r >= lo && r <= rune(block.Hi) { //nolint:gosec // they are characters
			zero = lo
		}
	}
	return '0' + (r-zero)%10
}
