package providers

import "unicode/utf8"

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
	return (ascii*5 + other*13) / 20
}

// count returns how many ASCII and how many other characters s has, where each
// of the others is taken to have three bytes: a look at every one is not worth
// the time.
func count(s string) (ascii, other int) {
	runes := utf8.RuneCountInString(s)
	other = (len(s) - runes) / 2
	return max(runes-other, 0), other
}
