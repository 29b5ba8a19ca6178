package output

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
)

// numberFor returns a number as the type that is wanted: the text of it, an
// integer without a fraction of zero, or the number itself.
func numberFor(want string, n json.Number) any {
	switch want {
	case "string":
		return n.String()
	case "integer":
		return wholeNumber(n)
	}
	return n
}

var zeroFraction = regexp.MustCompile(`^(-?[0-9]+)\.0+$`)

// wholeNumber returns 72.0 as 72, and any other number as it is.
func wholeNumber(n json.Number) json.Number {
	if m := zeroFraction.FindStringSubmatch(n.String()); m != nil {
		return json.Number(m[1])
	}
	return n
}

var (
	// looseNumber matches a number with what JSON does not allow: a plus sign,
	// zeros before it, nothing before or behind the point.
	looseNumber = regexp.MustCompile(`^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]+)?$`)
	// grouped matches a number with commas that can only separate thousands.
	grouped = regexp.MustCompile(`^[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?$|^[+-]?[0-9]{1,3},[0-9]{3}\.[0-9]+$`)
)

// numberIn returns the number that a text stands for, if there is only one
// reading. A percentage is a number of hundredths only where the schema's bounds
// say which: 72% is 72 of 100, and 0.72 of 1.
func numberIn(s map[string]any, want, text string) (json.Number, bool) {
	digits, percent := strings.CutSuffix(text, "%")
	digits = strings.TrimSpace(digits)
	if grouped.MatchString(digits) {
		digits = strings.ReplaceAll(digits, ",", "")
	}
	n, ok := tidy(digits)
	if !ok {
		return "", false
	}
	if percent {
		switch most, bounded := s["maximum"].(float64); {
		case want == "integer" && (!bounded || most >= 100), bounded && most == 100:
		case bounded && most == 1 && want == "number":
			n, ok = hundredth(n)
		default:
			ok = false
		}
	}
	if want == "integer" {
		n = wholeNumber(n)
	}
	return n, ok
}

// tidy writes a number as JSON has it.
func tidy(text string) (json.Number, bool) {
	m := looseNumber.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	sign, whole, fraction, exponent := strings.TrimPrefix(m[1], "+"), m[2], m[3], m[4]
	if !strings.ContainsAny(strings.TrimSuffix(text, exponent), "0123456789") {
		return "", false
	}
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	n := json.Number(sign + whole + fraction + exponent)
	_, err := n.Float64() // not beyond what others can read
	return n, err == nil
}

// hundredth divides by 100, exactly.
func hundredth(n json.Number) (json.Number, bool) {
	const mostDigits = 400
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || len(n) > mostDigits || strings.ContainsAny(n.String(), "eE") {
		return "", false
	}
	text := r.Quo(r, big.NewRat(100, 1)).FloatString(len(n) + 2)
	return json.Number(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), true
}
