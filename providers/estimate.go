package providers

import "math/bits"

// EstimateTokens estimates how many tokens a request's prompt has: a quarter of
// a token for each ASCII character, and 0.65 for each other one, which is what
// current tokenizers make of English and of Chinese. It is meant for limits and
// budgets, and too high rather than too low.
func EstimateTokens(req *Request) int {
	ascii, other := count(string(req.Schema))
	for _, m := range req.Messages {
		a, o := count(m.Content)
		ascii, other = ascii+a, other+o
	}
	return tokens(ascii, other)
}

// tokens estimates how many tokens so many characters make.
func tokens(ascii, other int) int { return (ascii*5 + other*13) / 20 }

// count returns how many ASCII and how many other characters s has, where each
// of the others is taken to have three bytes. It takes eight bytes at a time,
// because it looks at the whole prompt before every call.
func count(s string) (ascii, other int) {
	const high = 0x8080808080808080 // the bit that ASCII does not have, of each byte
	beyond, i := 0, 0
	for ; i+8 <= len(s); i += 8 {
		word := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		beyond += bits.OnesCount64(word & high)
	}
	for ; i < len(s); i++ {
		beyond += int(s[i] >> 7)
	}
	return len(s) - beyond, (beyond + 2) / 3
}
