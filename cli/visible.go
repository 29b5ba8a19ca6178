package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// visibleWriter is where every command prints. What comes from elsewhere, such
// as a model's answer or an error of a server, can hold terminal escapes and
// marks that turn the direction of text around. They are written as \u001b is in
// JSON, which leaves JSON what it is. Line ends and tabs pass. It is safe for
// concurrent use.
type visibleWriter struct {
	w io.Writer

	mu      sync.Mutex
	partial []byte // of a letter whose rest has not been written yet
}

// Write writes p with all that is invisible made visible.
func (v *visibleWriter) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text := slices.Concat(v.partial, p)
	out := make([]byte, 0, len(text))
	for len(text) > 0 && utf8.FullRune(text) {
		r, size := utf8.DecodeRune(text)
		out = appendVisible(out, r)
		text = text[size:]
	}
	v.partial = slices.Clone(text)
	if _, err := v.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes what is left of a text that ended within a letter.
func (v *visibleWriter) flush() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.partial) > 0 {
		_, _ = v.w.Write(utf8.AppendRune(nil, utf8.RuneError)) // as the other writes: a reader that is gone
	}
	v.partial = nil
}

// appendVisible appends r, or the escape that shows it. Format characters (Cf)
// are those of bidirectional text, zero width and language tags; the joiners
// among them are part of words and of emoji.
func appendVisible(out []byte, r rune) []byte {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	switch {
	case r == '\n', r == '\t', r == zeroWidthNonJoiner, r == zeroWidthJoiner:
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		return fmt.Appendf(out, `\u%04x`, r)
	}
	return utf8.AppendRune(out, r)
}

// terminal returns the terminal that w writes to, or nil.
func terminal(w io.Writer) *os.File {
	if v, ok := w.(*visibleWriter); ok {
		w = v.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
