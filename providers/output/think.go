package output

import "strings"

const (
	openTag  = "<think>"
	closeTag = "</think>"
)

// Splitter separates a model's reasoning from its answer while the text is
// streamed, for servers that leave <think>…</think> in it. Only blocks at the
// beginning are reasoning; a tag within the answer is part of it. Tags may be
// split between pieces. White space around the blocks is dropped. The zero value
// is ready to use.
type Splitter struct {
	state   splitState
	pending string // not yet known to be text, reasoning or a tag
}

type splitState int

const (
	leading  splitState = iota // nothing but white space and blocks so far
	thinking                   // inside a block
	opening                    // inside a block, before its first visible character
	answer                     // the rest is the answer
)

// Write adds a piece, and returns what is now known to be answer or reasoning;
// either may be empty.
func (s *Splitter) Write(piece string) (text, reasoning string) {
	s.pending += piece
	var r strings.Builder
	for {
		switch s.state {
		case leading:
			if !s.lead() {
				return "", r.String()
			}
		case opening, thinking:
			more, closed := s.think()
			r.WriteString(more)
			if !closed {
				return "", r.String()
			}
		case answer:
			text, s.pending = s.pending, ""
			return text, r.String()
		}
	}
}

// lead decides whether a block or the answer begins; it reports false while that
// is undecided.
func (s *Splitter) lead() bool {
	s.pending = strings.TrimLeft(s.pending, " \t\r\n")
	if rest, ok := strings.CutPrefix(s.pending, openTag); ok {
		s.pending, s.state = rest, opening
		return true
	}
	if strings.HasPrefix(openTag, s.pending) {
		return false
	}
	s.state = answer
	return true
}

// think returns the reasoning that is certain by now, and whether its block is
// closed.
func (s *Splitter) think() (reasoning string, closed bool) {
	if s.state == opening {
		s.pending = strings.TrimLeft(s.pending, " \t\r\n")
		if s.pending == "" {
			return "", false
		}
		s.state = thinking
	}
	if reasoning, rest, ok := strings.Cut(s.pending, closeTag); ok {
		s.pending, s.state = rest, leading
		return reasoning, true
	}
	keep := tagStart(s.pending)
	reasoning, s.pending = s.pending[:len(s.pending)-keep], s.pending[len(s.pending)-keep:]
	return reasoning, false
}

// tagStart returns the length of the longest end of text that may be the
// beginning of a closing tag.
func tagStart(text string) int {
	for n := min(len(closeTag)-1, len(text)); n > 0; n-- {
		if strings.HasPrefix(closeTag, text[len(text)-n:]) {
			return n
		}
	}
	return 0
}

// Close returns what is pending at the end of the text. A block that was never
// closed is reasoning to its end.
func (s *Splitter) Close() (text, reasoning string) {
	pending := s.pending
	s.pending = ""
	if s.state == leading || s.state == answer {
		return pending, ""
	}
	return "", pending
}

// Split returns the answer and the reasoning in a complete text. Unlike a Splitter
// it also recognizes reasoning with a closing tag only, as written by models whose
// template opens the block in the prompt.
func Split(raw string) (text, reasoning string) {
	if head, rest, ok := strings.Cut(raw, closeTag); ok && unopened(head) {
		text, more := Split(rest)
		return text, strings.TrimLeft(head, " \t\r\n") + more
	}
	var s Splitter
	text, reasoning = s.Write(raw)
	lastText, lastReasoning := s.Close()
	return text + lastText, reasoning + lastReasoning
}

// unopened reports whether head, the text before a closing tag, is reasoning
// without an opening tag, rather than a complete block or JSON that contains the
// tag.
func unopened(head string) bool {
	head = strings.TrimSpace(head)
	for _, begin := range []string{openTag, "{", "[", "```"} {
		if strings.HasPrefix(head, begin) {
			return false
		}
	}
	return head != ""
}
