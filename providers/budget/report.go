package budget

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Report is what has been spent in the periods under way.
type Report struct {
	Budgets   []Standing // of each that is set; one for each name where a budget is each one's own
	Providers []Spending // of each that was called
}

// Standing is how much of a budget is left.
type Standing struct {
	Budget
	Spent     tasks.Money
	Estimated tasks.Money // the part of Spent that the providers did not report
	Reserved  tasks.Money // by calls in flight
	Left      tasks.Money // less than 0 when the limit was lowered, or a call used more than it had asked for
	Ends      time.Time   // when it begins anew
}

// Spending is what a provider was used for.
type Spending struct {
	Provider  string
	Period    Period
	Calls     int64 // that used tokens
	Unpriced  int64 // of them, those whose price is not known
	Input     int64 // tokens
	Output    int64 // tokens
	Spent     tasks.Money
	Estimated tasks.Money // the part of Spent that it did not report
}

// Read returns the report for the periods that a time lies in, whose location is
// the zone of the budgets.
func Read(ctx context.Context, rdb redis.UniversalClient, s Settings, at time.Time) (*Report, error) {
	report := &Report{}
	holds, err := readHolds(ctx, rdb)
	if err != nil {
		return nil, err
	}
	for _, p := range []Period{Day, Month} {
		key := dayKey(at)
		if p == Month {
			key = monthKey(at)
		}
		fields, err := rdb.HGetAll(ctx, key).Result()
		if err != nil {
			return nil, fmt.Errorf("read the accounts of this %s: %w", p, err)
		}
		holds.addTo(fields, key)
		report.add(s, p, fields, at)
	}
	slices.SortStableFunc(report.Budgets, func(a, b Standing) int {
		return cmp.Or(strings.Compare(string(a.Scope), string(b.Scope)), strings.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(report.Providers, func(a, b Spending) int { return strings.Compare(a.Provider, b.Provider) })
	return report, nil
}

// add adds the accounts of one period.
func (r *Report) add(s Settings, p Period, fields map[string]string, at time.Time) {
	read := func(field string, a account) int64 { return int64(amount(fields[field+" "+a.owner()])) }
	named := names(fields)
	for _, b := range s.budgets {
		if b.Period != p {
			continue
		}
		of := []string{b.Name}
		if b.Name == Each {
			of = slices.DeleteFunc(slices.Clone(named[b.Scope]), func(name string) bool {
				return slices.ContainsFunc(s.budgets, func(o Budget) bool { return o.Scope == b.Scope && o.Period == p && o.Name == name })
			})
			of = append(of, Each)
		}
		for _, name := range of {
			a := account{b.Scope, name, p}
			st := Standing{Budget: b, Spent: tasks.Money(read("spent", a)), Estimated: tasks.Money(read("estimated", a)), Reserved: tasks.Money(read(reservedField, a)), Ends: p.Ends(at)}
			st.Name, st.Left = name, b.Limit-st.Spent-st.Reserved
			r.Budgets = append(r.Budgets, st)
		}
	}
	for _, name := range named[Provider] {
		a := account{Provider, name, p}
		u := Spending{
			Provider: name, Period: p, Calls: read("calls", a), Unpriced: read("unpriced", a),
			Input: read("input", a), Output: read("output", a), Spent: tasks.Money(read("spent", a)), Estimated: tasks.Money(read("estimated", a)),
		}
		if u.Calls > 0 || u.Spent > 0 {
			r.Providers = append(r.Providers, u)
		}
	}
}

// names lists the owners of accounts, by scope and sorted.
func names(fields map[string]string) map[Scope][]string {
	found := map[Scope][]string{}
	for field := range fields {
		if what, owner, _ := strings.Cut(field, " "); what == "spent" || what == reservedField {
			scope, name, _ := strings.Cut(owner, ":")
			found[Scope(scope)] = append(found[Scope(scope)], name)
		}
	}
	for scope := range found {
		slices.Sort(found[scope])
		found[scope] = slices.Compact(found[scope])
	}
	return found
}
