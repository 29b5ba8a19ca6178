package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// callGroup is what one candidate did in claims that went alike.
type callGroup struct {
	first, last tasks.Attempt
	times       int
	tokens      tasks.Tokens
	cost        tasks.Money
}

// claimGroup is claims that went alike: the same candidates, with the same
// outcomes.
type claimGroup struct {
	pattern string
	calls   []callGroup
}

// alternating is how many kinds of claims may take turns and still be grouped.
const alternating = 3

// grouped puts claims together that went alike. A job that has waited for long
// has hundreds.
func grouped(attempts []tasks.Attempt) []callGroup {
	var claims []claimGroup
	for len(attempts) > 0 {
		n := 1
		for n < len(attempts) && attempts[n].Number == attempts[0].Number {
			n++
		}
		claims = joinClaim(claims, attempts[:n])
		attempts = attempts[n:]
	}
	var all []callGroup
	for _, c := range claims {
		all = append(all, c.calls...)
	}
	return all
}

// joinClaim adds the calls of a claim to a group of claims like it, if that is one of
// the last, or to one of its own.
func joinClaim(claims []claimGroup, calls []tasks.Attempt) []claimGroup {
	var pattern strings.Builder
	for _, a := range calls {
		fmt.Fprintln(&pattern, a.Lane, a.Candidate, a.Outcome)
	}
	for i := len(claims) - 1; i >= max(0, len(claims)-alternating); i-- {
		if claims[i].pattern == pattern.String() {
			for n, a := range calls {
				claims[i].calls[n].add(a)
			}
			return claims
		}
	}
	g := claimGroup{pattern: pattern.String()}
	for _, a := range calls {
		c := callGroup{first: a}
		c.add(a)
		g.calls = append(g.calls, c)
	}
	return append(claims, g)
}

func (g *callGroup) add(a tasks.Attempt) {
	g.last = a
	g.times++
	g.tokens, g.cost = g.tokens.Add(a.Tokens), g.cost+a.Cost
}

// numbers are those of the claims: the first and the last.
func (g callGroup) numbers() string {
	if g.times == 1 {
		return strconv.Itoa(g.first.Number)
	}
	return fmt.Sprintf("%d-%d", g.first.Number, g.last.Number)
}

func (g callGroup) outcome() string {
	if g.times == 1 {
		return g.first.Outcome
	}
	return fmt.Sprintf("%s, %d times", g.first.Outcome, g.times)
}

// span is when the calls were made.
func (e explanation) span(g callGroup) string {
	if g.times == 1 {
		return e.offset(g.first.StartedAt)
	}
	return e.offset(g.first.StartedAt) + " to " + e.offset(g.last.StartedAt)
}

// awaited is the call that a waiting job waits for: of those that its last claim
// could not make, the one that is possible first. The zero value if there is none.
func (e explanation) awaited() tasks.Attempt {
	var first tasks.Attempt
	for _, a := range e.Attempts {
		if a.Number == e.Attempt && !a.RetryAt.IsZero() && (first.RetryAt.IsZero() || a.RetryAt.Before(first.RetryAt)) {
			first = a
		}
	}
	return first
}
