package privacy

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Restore puts the values back into a text. Case, width, lost brackets and
// spaces for underscores do not matter. A token without a value stays as
// it is; [Mask.Unknown] lists it.
func (m *Mask) Restore(text string) string {
	s := m.stream(false)
	return s.Write(text) + s.Close()
}

// RestoreJSON is Restore for a text that is JSON, or holds it: values are
// escaped as JSON wants it, and tokens may be written with JSON's own escapes.
func (m *Mask) RestoreJSON(text string) string {
	s := m.stream(true)
	return s.Write(text) + s.Close()
}

// Unknown lists the tokens in restored texts that have no value.
func (m *Mask) Unknown() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.unknown)
}

// Stream restores a text that comes in pieces. What may be the beginning of a
// token is held back until it is known.
type Stream struct {
	m    *Mask
	json bool
	held string
	last rune // before held
}

// Stream returns a restorer for the pieces of a text that is or holds JSON.
func (m *Mask) Stream() *Stream { return m.stream(true) }

func (m *Mask) stream(json bool) *Stream { return &Stream{m: m, json: json} }

// Write takes the next piece and returns what is certain by now.
func (s *Stream) Write(piece string) string {
	s.held += piece
	return s.advance(false)
}

// Close returns what was still held back.
func (s *Stream) Close() string { return s.advance(true) }

func (s *Stream) advance(end bool) string {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	var b strings.Builder
	i := 0
	for i < len(s.held) {
		hit, verdict := s.m.tokens.at(reader{s.held, s.json, end}, i, s.last)
		if verdict == undecided {
			break
		}
		if verdict == found {
			b.WriteString(s.value(hit, i))
			s.last = '⟧' // no letter, so that the next token may touch
			i = hit.end
			continue
		}
		r, size, ok := reader{s.held, s.json, end}.next(i)
		if !ok {
			break
		}
		s.last = r
		b.WriteString(s.held[i : i+size])
		i += size
	}
	s.held = s.held[i:]
	return b.String()
}

// value returns the value of a token, or the token itself if it has none.
func (s *Stream) value(hit hit, i int) string {
	if hit.entry == nil {
		if token := s.held[i:hit.end]; !slices.Contains(s.m.unknown, token) && len(s.m.unknown) < maxUnknown {
			s.m.unknown = append(s.m.unknown, token)
		}
		return s.held[i:hit.end]
	}
	v := hit.entry.spellings[0]
	if hit.spelling > 0 && hit.spelling <= len(hit.entry.spellings) {
		v = hit.entry.spellings[hit.spelling-1]
	}
	if s.json {
		return jsonInside(v)
	}
	return v
}

// maxUnknown bounds how many unknown tokens are listed.
const maxUnknown = 20

// reader reads a text that may go on.
type reader struct {
	text string
	json bool // escapes count as the characters that they encode
	end  bool // it does not go on
}

// next returns the folded character at i and its length; not ok when it is not
// complete yet.
func (r reader) next(i int) (c rune, size int, ok bool) {
	if i >= len(r.text) {
		return 0, 0, false
	}
	if r.json && r.text[i] == '\\' {
		return r.escape(i)
	}
	if !r.end && !utf8.FullRuneInString(r.text[i:]) {
		return 0, 0, false
	}
	c, size = utf8.DecodeRuneInString(r.text[i:])
	return foldRune(c), size, true
}

func (r reader) escape(i int) (rune, int, bool) {
	if i+1 >= len(r.text) {
		return '\\', 1, r.end
	}
	switch c := r.text[i+1]; c {
	case 'n', 't', 'r', 'b', 'f':
		return ' ', 2, true
	case 'u':
		if i+6 > len(r.text) {
			return '\\', 1, r.end
		}
		v, err := strconv.ParseUint(r.text[i+2:i+6], 16, 16)
		if err != nil {
			return '\\', 1, true
		}
		return foldRune(rune(v)), 6, true
	default:
		return rune(c), min(2, 1+utf8.RuneLen(rune(c))), true
	}
}

// hit is a token in a text; entry is nil when it has no value.
type hit struct {
	entry    *entry
	spelling int // from 1; 0: not said
	end      int
}

type verdict int

const (
	nothing verdict = iota
	found
	undecided // more of the text is needed
)

// at looks for a token at r.text[i]; before is the character in front of it.
func (t *tokens) at(r reader, i int, before rune) (hit, verdict) {
	c, size, ok := r.next(i)
	if !ok {
		return hit{}, ifMore(r)
	}
	if c != '⟦' {
		return t.plain(r, i, before)
	}
	h, v := t.plain(r, i+size, c)
	if v != found {
		return h, v
	}
	c, size, ok = r.next(h.end)
	if !ok && !r.end {
		return hit{}, undecided
	}
	if ok && c == '⟧' {
		h.end += size
		return h, found
	}
	return hit{}, nothing // the bracket is not ours
}

func ifMore(r reader) verdict {
	if r.end {
		return nothing
	}
	return undecided
}

// plain looks for a token without brackets.
func (t *tokens) plain(r reader, i int, before rune) (hit, verdict) {
	open := false
	for _, l := range labelNames {
		if l.ascii && isASCIIWord(before) {
			continue
		}
		j, v := r.literal(i, l.text)
		if v == undecided {
			open = true
		}
		if v != found {
			continue
		}
		h, v := t.number(r, j, l)
		if v != nothing {
			return h, v
		}
	}
	if open {
		return hit{}, undecided
	}
	return hit{}, nothing
}

// literal reads a label, in any case.
func (r reader) literal(i int, want string) (int, verdict) {
	for _, w := range want {
		c, size, ok := r.next(i)
		if !ok {
			return i, ifMore(r)
		}
		if c != w && (c|0x20 != w || w >= 0x80) {
			return i, nothing
		}
		i += size
	}
	return i, found
}

// maxJoint is how many characters may separate a label from its number.
const maxJoint = 3

// number reads what follows a label.
func (t *tokens) number(r reader, i int, l labelName) (hit, verdict) {
	strict := false
	joint := 0
	c, size, ok := r.next(i)
	for ; ok && strings.ContainsRune("_ -\\*:#", c); c, size, ok = r.next(i) {
		strict = strict || c == '_'
		i += size
		if joint++; joint > maxJoint {
			return hit{}, nothing
		}
	}
	if !ok {
		return hit{}, ifMore(r)
	}
	if !isASCIIWord(c) || c < 'A' {
		return hit{}, nothing
	}
	id := string(c | 0x20)
	digits, end, v := r.digits(i + size)
	if v != found {
		return hit{}, v
	}
	h := hit{end: end}
	if e := t.byID[id+digits]; e != nil && related(e.kind, l.kind) {
		h.entry = e
	}
	if h.entry == nil && (!strict || strings.Contains(t.taken, fold(r.text[i:end]).lower)) {
		return hit{}, nothing
	}
	c, size, ok = r.next(end)
	switch {
	case !ok && !r.end:
		return hit{}, undecided
	case ok && c|0x20 == 'v':
		digits, end, v = r.digits(end + size)
		if v == undecided {
			return hit{}, undecided
		}
		if n, err := strconv.Atoi(digits); v == found && err == nil && h.entry != nil && n <= len(h.entry.spellings) {
			h.spelling, h.end = n, end
		}
	}
	return h, found
}

// maxDigits bounds the numbers in tokens.
const maxDigits = 9

// digits reads a number to its end.
func (r reader) digits(i int) (string, int, verdict) {
	var b strings.Builder
	for {
		c, size, ok := r.next(i)
		switch {
		case !ok && !r.end:
			return "", i, undecided
		case ok && c >= '0' && c <= '9':
			if b.Len() >= maxDigits {
				return "", i, nothing
			}
			b.WriteRune(c)
			i += size
		case b.Len() == 0:
			return "", i, nothing
		default:
			return b.String(), i, found
		}
	}
}

// labelName is a label as it is looked for: in lower case.
type labelName struct {
	text  string
	kind  Kind
	ascii bool
}

// labelNames are all labels, the longest first.
var labelNames = func() []labelName {
	var all []labelName
	for kind, l := range labels {
		all = append(all, labelName{l.zh, kind, false}, labelName{strings.ToLower(l.en), kind, true})
	}
	all = append(all,
		labelName{"customer", Client, true}, labelName{"contact", Person, true}, labelName{"人员", Person, false})
	slices.SortFunc(all, func(a, b labelName) int {
		if len(a.text) != len(b.text) {
			return len(b.text) - len(a.text)
		}
		return strings.Compare(a.text, b.text)
	})
	return all
}()
