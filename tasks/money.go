package tasks

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an exact amount in picodollars (10⁻¹² US dollars): a price of one
// millionth of a dollar per million tokens is one picodollar per token, so that
// costs are integers.
type Money int64

// Dollar is one US dollar.
const Dollar Money = 1e12

// moneyPlaces is how many decimal places a dollar amount may have.
const moneyPlaces = 12

// String returns the amount in dollars without needless zeros: "0.00125".
func (m Money) String() string {
	sign, rest := "", uint64(m) //nolint:gosec // negative amounts are turned around below
	if m < 0 {
		sign, rest = "-", -rest
	}
	whole, fraction := rest/uint64(Dollar), rest%uint64(Dollar)
	if fraction == 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fmt.Sprintf("%0*d", moneyPlaces, fraction), "0")
}

// MarshalJSON writes dollars as a decimal string, which no reader rounds.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// UnmarshalText reads dollars in decimal, e.g. "0.15", with at most twelve
// places.
func (m *Money) UnmarshalText(b []byte) error {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(string(b), "-"), ".")
	if whole == "" || len(fraction) > moneyPlaces {
		return fmt.Errorf("%q is not an amount of dollars such as 0.15", b)
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", moneyPlaces-len(fraction)), 10, 63)
	if err != nil {
		return fmt.Errorf("%q is not an amount of dollars such as 0.15", b)
	}
	*m = Money(n)
	if strings.HasPrefix(string(b), "-") {
		*m = -*m
	}
	return nil
}
