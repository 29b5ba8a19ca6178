package providers

// Metered reports whether Usage is what the call used: because the server said
// so, or because the call was not made or was turned away before a model began.
// Of any other end nobody knows what it used, and it may have been billed: an
// answer that broke off, or that nobody waited for.
func (a *Attempt) Metered() bool {
	if !a.Called || a.Usage.Input+a.Usage.Output > 0 {
		return true
	}
	switch Class(a.Outcome) {
	case ClassRateLimited, ClassOverloaded, ClassQuotaDead, ClassAuthDead, ClassBadRequest, ClassContextOverflow:
		return true
	case ClassServer, ClassTransport, ClassContentBlocked:
		return a.FirstToken == 0
	case ClassTimeout, ClassBadOutput, ClassCanceled:
	}
	return false
}
