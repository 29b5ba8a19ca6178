package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquote returns the value of a JSON string. Unlike encoding/json it keeps
// incomplete characters: bytes as they are, and half of a surrogate pair as the
// three bytes that UTF-8 would encode it in.
func unquote(raw []byte) string {
	inner := string(raw[1:max(1, len(raw)-1)])
	if !strings.Contains(inner, `\`) {
		return inner
	}
	var b strings.Builder
	for {
		before, rest, escaped := strings.Cut(inner, `\`)
		b.WriteString(before)
		if !escaped || rest == "" {
			return b.String()
		}
		inner = rest[1:]
		switch c := rest[0]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			var unit uint64
			if len(inner) >= 4 {
				unit, _ = strconv.ParseUint(inner[:4], 16, 16)
				inner = inner[4:]
			}
			writeUnit(&b, uint16(unit))
		default:
			b.WriteByte(c)
		}
	}
}

// writeUnit writes one unit of UTF-16, a half of a pair too.
func writeUnit(b *strings.Builder, unit uint16) {
	if unit < 0xd800 || unit > 0xdfff {
		b.WriteRune(rune(unit))
		return
	}
	b.Write([]byte{0xe0 | byte(unit>>12), 0x80 | byte(unit>>6&0x3f), 0x80 | byte(unit&0x3f)})
}

// surrogate returns the half of a surrogate pair that s begins with, as writeUnit
// writes it, or 0.
func surrogate(s string) rune {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f)
}

// Joiner joins characters that are split between two pieces of a text. What
// remains incomplete becomes U+FFFD. The zero value is ready to use.
type Joiner struct{ pending string }

// Write adds a piece and returns the characters that are complete now.
func (j *Joiner) Write(piece string) string {
	if piece == "" {
		return ""
	}
	text := j.pending + piece
	whole := len(text) - partialSize(text)
	j.pending = text[whole:]
	return validUTF8(text[:whole])
}

// Close returns what is pending at the end of the text.
func (j *Joiner) Close() string {
	pending := j.pending
	j.pending = ""
	return validUTF8(pending)
}

// partialSize returns the length of the part of a character that a text ends
// with.
func partialSize(text string) int {
	n := len(text)
	if n >= 3 {
		if h := surrogate(text[n-3:]); h >= 0xd800 && h < 0xdc00 {
			return 3
		}
	}
	for i := 1; i < utf8.UTFMax && i <= n; i++ {
		if utf8.RuneStart(text[n-i]) {
			if !utf8.FullRuneInString(text[n-i:]) {
				return i
			}
			break
		}
	}
	return 0
}

// validUTF8 returns text as UTF-8: pairs of halves as the character they are, and
// everything else that is no character as U+FFFD.
func validUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if h := surrogate(text); h != 0 {
			r, size = utf8.RuneError, 3
			if low := surrogate(text[3:]); h < 0xdc00 && low >= 0xdc00 {
				r, size = 0x10000+(h-0xd800)<<10+(low-0xdc00), 6
			}
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String()
}
