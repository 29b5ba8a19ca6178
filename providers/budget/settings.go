package budget

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/topcentral/spillway/tasks"
)

// Budget is an amount of money for a period.
type Budget struct {
	Scope  Scope
	Name   string // of the provider, tenant or agent; Each: each one's own that no other budget names
	Period Period
	Limit  tasks.Money
}

// Each stands for every name of a scope.
const Each = "*"

// String returns the budget as settings have it.
func (b Budget) String() string {
	return fmt.Sprintf("%s:%s=%s/%s", b.Scope, b.Name, b.Limit, b.Period)
}

// Settings are the budgets of an installation. The zero value has none.
type Settings struct{ budgets []Budget }

// UnmarshalText reads budgets such as "tenant:acme=10/day,agent:A03=100/month",
// separated by commas. Its error names every part that is wrong.
func (s *Settings) UnmarshalText(text []byte) error {
	s.budgets = nil
	var problems []error
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		b, err := parse(part)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("%q: %w", part, err))
		case slices.ContainsFunc(s.budgets, func(o Budget) bool {
			return o.Scope == b.Scope && o.Name == b.Name && o.Period == b.Period
		}):
			problems = append(problems, fmt.Errorf("%q: there is another budget of %s:%s for a %s", part, b.Scope, b.Name, b.Period))
		default:
			s.budgets = append(s.budgets, b)
		}
	}
	return errors.Join(problems...)
}

// parse reads one budget.
func parse(part string) (Budget, error) {
	const form = "want scope:name=dollars/period, such as tenant:acme=10/day"
	i := strings.LastIndex(part, "=")
	scope, name, named := strings.Cut(part[:max(i, 0)], ":")
	amount, period, _ := strings.Cut(part[i+1:], "/")
	b := Budget{Scope: Scope(scope), Name: name, Period: Period(period)}
	switch {
	case i < 0 || !named:
		return b, errors.New(form)
	case b.Scope != Provider && b.Scope != Tenant && b.Scope != Agent:
		return b, fmt.Errorf("%q is not a scope; want provider, tenant or agent", scope)
	case name == "":
		return b, fmt.Errorf("it names no %s; * gives each its own", scope)
	case b.Period != Day && b.Period != Month:
		return b, fmt.Errorf("%q is not a period; want day or month", period)
	}
	if err := b.Limit.UnmarshalText([]byte(amount)); err != nil || b.Limit < 0 {
		return b, fmt.Errorf("%q is not an amount of dollars such as 0.15", amount)
	}
	return b, nil
}

// All lists the budgets in their order.
func (s Settings) All() []Budget { return slices.Clone(s.budgets) }

// limit returns the budget of an account, and false if it has none.
func (s Settings) limit(a account) (limit tasks.Money, ok bool) {
	for _, b := range s.budgets {
		if b.Scope == a.scope && b.Period == a.period && (b.Name == a.name || b.Name == Each && !ok) {
			limit, ok = b.Limit, true
			if b.Name == a.name {
				return limit, true
			}
		}
	}
	return limit, ok
}
