package presets

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// MicroUSD is an amount of money in millionths of a US dollar. Money is counted
// in integers.
type MicroUSD int64

// String returns the amount in dollars, e.g. "$0.001250".
func (m MicroUSD) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	return fmt.Sprintf("%s$%d.%06d", sign, m/1e6, m%1e6)
}

// UnmarshalText reads dollars in decimal, e.g. "0.15", with at most six places.
func (m *MicroUSD) UnmarshalText(b []byte) error {
	whole, fraction, _ := strings.Cut(string(b), ".")
	digits := whole + fraction + strings.Repeat("0", max(6-len(fraction), 0))
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil || whole == "" || len(fraction) > 6 {
		return fmt.Errorf("%q is not an amount of dollars such as 0.15", b)
	}
	*m = MicroUSD(n)
	return nil
}

// Price is what a million tokens cost.
type Price struct {
	Input  MicroUSD `yaml:"input"`  // prompt tokens that were not cached
	Cached MicroUSD `yaml:"cached"` // prompt tokens served from the service's cache
	Output MicroUSD `yaml:"output"` // generated tokens, reasoning included
}

// Cost returns what a call with this usage costs, rounded up.
func (p Price) Cost(u providers.Usage) MicroUSD {
	cached := min(u.Cached, u.Input)
	total := p.Input*MicroUSD(u.Input-cached) + p.Cached*MicroUSD(cached) + p.Output*MicroUSD(u.Output)
	return (total + 999_999) / 1_000_000
}

// PriceAt returns what a model costs at a time: its peak price in the service's
// peak hours. It reports false for a model that the preset does not know.
func (p Preset) PriceAt(model string, at time.Time) (Price, bool) {
	m, ok := p.Lookup(model)
	if !ok {
		return Price{}, false
	}
	if m.Peak != nil && p.peak(at.UTC()) {
		return *m.Peak, true
	}
	return m.Price, true
}

func (p Preset) peak(at time.Time) bool {
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return false
	}
	for _, h := range p.PeakHoursUTC {
		if at.Hour() >= h.From && at.Hour() < h.To {
			return true
		}
	}
	return false
}
