package ollama

import (
	"unicode"

	"github.com/topcentral/spillway/providers"
)

// size is an estimate of a prompt's length in tokens.
type size struct {
	atLeast int // no tokenizer in use makes fewer
	likely  int // what most make
}

// Tokens per character. English is near 1/4 and Chinese, with the tokenizers of
// Qwen, near 0.65; the floors are for tokenizers with words of their own for
// everything. White space is not counted: runs of it cost next to nothing.
const (
	asciiFloor, asciiLikely = 0.1, 0.25
	otherFloor, otherLikely = 0.3, 0.65
)

// mostPerByte is the most tokens that are likely of a byte: every character that
// is not ASCII has at least two.
const mostPerByte = otherLikely / 2

// estimate estimates the length of messages. The zero size is of those that fit
// into a window without a doubt, which are not looked at more closely.
func estimate(messages []chatMessage, window int) size {
	bytes := 0
	for _, m := range messages {
		bytes += len(m.Content)
	}
	if float64(bytes)*mostPerByte < float64(window) {
		return size{}
	}
	var ascii, other float64
	for _, m := range messages {
		for _, r := range m.Content {
			switch {
			case unicode.IsSpace(r):
			case r < unicode.MaxASCII:
				ascii++
			default:
				other++
			}
		}
	}
	return size{
		atLeast: int(ascii*asciiFloor + other*otherFloor),
		likely:  int(ascii*asciiLikely + other*otherLikely),
	}
}

// cut reports whether the server has silently dropped a part of the prompt, by
// the number of prompt tokens that it says it has read. A false alarm would
// throw away a good answer, so it needs more than a suspicion: a window filled
// to the brim before the first word of the answer, as releases before 0.12.6
// leave it; or a prompt that is likely too long of which fewer tokens were read
// than it can possibly have. A low count alone proves nothing: releases around
// 0.30 leave cached tokens out.
func (s size) cut(read, window int) bool {
	if read >= window {
		return true
	}
	return s.likely > window && read > 0 && read < s.atLeast
}

func overflow(window int) *providers.Error {
	return providers.Errorf(providers.ClassContextOverflow, "the prompt exceeds the context window of %d tokens", window)
}
