package providers

import (
	"fmt"
	"strconv"
	"strings"
)

// Dollar is one US dollar.
const Dollar PicoUSD = 1e12

// places is how many decimal places a dollar amount may have.
const places = 12

// String returns the amount in dollars without needless zeros: "0.00125".
func (p PicoUSD) String() string {
	sign, rest := "", uint64(p) //nolint:gosec // negative amounts are turned around below
	if p < 0 {
		sign, rest = "-", -rest
	}
	digits := fmt.Sprintf("%0*d", places+1, rest)
	whole, fraction := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// UnmarshalText reads dollars in decimal, e.g. "0.15", not less than 0 and with
// at most twelve places.
func (p *PicoUSD) UnmarshalText(b []byte) error {
	whole, fraction, _ := strings.Cut(string(b), ".")
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", max(places-len(fraction), 0)), 10, 63)
	if err != nil || whole == "" || len(fraction) > places {
		return fmt.Errorf("%q is not an amount of dollars such as 0.15", b)
	}
	*p = PicoUSD(n)
	return nil
}
