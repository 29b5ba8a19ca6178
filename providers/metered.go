package providers

import "unicode/utf8"

// metered reports whether Usage is what the call used: because the server said
// so, or because the call was not made or was refused before a model began.
// Of any other end the usage is not known, and it may have been billed: an
// answer without usage, one that broke off, or one that was canceled.
func (a *Attempt) metered(received received) bool {
	if !a.Called || a.Usage.Input+a.Usage.Output > 0 {
		return true
	}
	switch Class(a.Outcome) {
	case ClassRateLimited, ClassOverloaded, ClassQuotaDead, ClassAuthDead, ClassBadRequest, ClassContextOverflow:
		return true
	case ClassServer, ClassTransport, ClassContentBlocked:
		return a.FirstToken == 0 && received.empty()
	case ClassTimeout, ClassBadOutput, ClassCanceled:
	}
	return false
}

// estimate fills in the usage of a call that the server did not meter: the
// prompt as we count it, and the text that was received. Without a prompt no model
// was called: the scorecard reads the input itself and uses no tokens.
func (a *Attempt) estimate(prompt int, received received) {
	if prompt == 0 || a.metered(received) {
		return
	}
	a.Estimated = true
	a.Usage = Usage{Input: prompt, Output: received.text.tokens() + received.reasoning.tokens(), Reasoning: received.reasoning.tokens()}
}

// received counts the pieces of an answer.
type received struct{ text, reasoning letters }

func (r *received) add(d Delta) {
	r.text.add(d.Text)
	r.reasoning.add(d.Reasoning)
}

func (r received) empty() bool { return r.text == letters{} && r.reasoning == letters{} }

// letters counts characters by how many tokens they make.
type letters struct{ ascii, other int }

func (l *letters) add(s string) {
	for _, r := range s {
		if r < utf8.RuneSelf {
			l.ascii++
		} else {
			l.other++
		}
	}
}

func (l letters) tokens() int { return tokens(l.ascii, l.other) }
