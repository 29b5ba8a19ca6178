package equal

import (
	"encoding/json"
	"math/big"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/topcentral/spillway/tasks/agents"
)

// equalForm returns an input as it counts for being equal to another: texts in
// Unicode's form NFC, numbers by their value, and without members that are null
// or blank, which count as absent for an agent. Names of members that NFC would make
// the same stay as they are: none may take the place of another.
func equalForm(v any) any {
	switch v := v.(type) {
	case string:
		return norm.NFC.String(v)
	case json.Number:
		return equalNumber(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = equalForm(item)
		}
		return list
	case map[string]any:
		raw, members := make(map[string]any, len(v)), make(map[string]any, len(v))
		for name, member := range v {
			if text, ok := member.(string); member != nil && (!ok || !agents.IsBlank(text)) {
				raw[name] = equalForm(member)
				members[norm.NFC.String(name)] = raw[name]
			}
		}
		if len(members) < len(raw) {
			return raw
		}
		return members
	}
	return v
}

// maxExponent and maxDigits bound the numbers that are compared by value: others
// would take long to read or to write out.
const (
	maxExponent = 400
	maxDigits   = 1000
)

// equalNumber returns one way to write a number: 1 for 1.0 and 1e0.
func equalNumber(n json.Number) json.Number {
	if len(n) > maxDigits {
		return n
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(n.String()), "e"); ok {
		e, valid := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		if !valid || !e.IsInt64() || e.Int64() > maxExponent || e.Int64() < -maxExponent {
			return n
		}
	}
	value, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return n
	}
	digits, exact := value.FloatPrec()
	if !exact {
		return n // no decimal number is like that
	}
	return json.Number(value.FloatString(digits))
}
