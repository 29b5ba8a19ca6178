package ollama

import (
	"unicode"

	"github.com/topcentral/spillway/providers"
)

// size is an estimate of a prompt's length in tokens.
type size struct {
	atLeast int // a lower bound for all tokenizers in use
	likely  int // for most tokenizers
}

// Tokens per character. English takes about 1/4 and Chinese, with Qwen's
// tokenizers, about 0.65; the floors are for tokenizers with large vocabularies.
// White space is not counted, since runs of it take almost no tokens.
const (
	asciiFloor, asciiLikely = 0.1, 0.25
	otherFloor, otherLikely = 0.3, 0.65
)

// mostPerByte is the likely maximum of tokens per byte: every character that is not
// ASCII has at least two bytes.
const mostPerByte = otherLikely / 2

// estimate estimates the length of messages. It returns the zero size, without
// counting, if they certainly fit into the window.
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
// the number of prompt tokens that it reports. A false alarm would discard a good
// answer, so it takes strong evidence: the prompt filled the whole window, as with
// releases before 0.12.6; or the prompt is likely too long, and fewer tokens were
// read than it has at least. A low count alone proves nothing: releases around
// 0.30 do not count cached tokens.
func (s size) cut(read, window int) bool {
	if read >= window {
		return true
	}
	return s.likely > window && read > 0 && read < s.atLeast
}

func overflow(window int) *providers.Error {
	return providers.Errorf(providers.ClassContextOverflow, "the prompt exceeds the context window of %d tokens", window)
}
