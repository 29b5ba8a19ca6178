package agents

import (
	"fmt"
	"reflect"
	"time"

	"github.com/expr-lang/expr"
)

// unwanted are the library's functions that read a clock, or have no use in a
// scorecard.
var unwanted = []string{
	"now", "date", "duration", "timezone", "repeat", "fromJSON", "toJSON", "toBase64", "fromBase64",
}

// functions are what expressions may call in addition to the library's own,
// less the unwanted.
func functions() []expr.Option {
	options := make([]expr.Option, 0, 2+len(unwanted))
	options = append(options,
		expr.Function("days", func(args ...any) (any, error) {
			from, _ := args[0].(string) // the checker has seen to the types
			to, _ := args[1].(string)
			return days(from, to)
		}, new(func(string, string) int)),
		expr.Function("clamp", func(args ...any) (any, error) {
			return clamp(args)
		}, new(func(any, any, any) float64)),
	)
	for _, name := range unwanted {
		options = append(options, expr.DisableBuiltin(name))
	}
	return options
}

// days counts whole days from one date to another; the time of day, if one is
// written, does not count. It is 0 when either is absent.
func days(from, to string) (int, error) {
	if from == "" || to == "" {
		return 0, nil
	}
	var t [2]time.Time
	for i, s := range []string{from, to} {
		d, err := time.Parse(time.DateOnly, s[:min(len(s), len(time.DateOnly))])
		if err != nil {
			return 0, fmt.Errorf("days: %q is not a date such as 2026-03-31", s)
		}
		t[i] = d
	}
	return int(t[1].Sub(t[0]).Hours() / 24), nil
}

// clamp keeps a number between two bounds.
func clamp(args []any) (float64, error) {
	var f [3]float64
	for i, a := range args {
		v := reflect.ValueOf(a)
		switch {
		case v.CanInt():
			f[i] = float64(v.Int())
		case v.CanFloat():
			f[i] = v.Float()
		default:
			return 0, fmt.Errorf("clamp: %v is not a number", a)
		}
	}
	return min(max(f[0], f[1]), f[2]), nil
}
