package presets

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// Rate is the price of one token in picodollars, which is the price of a million
// tokens in millionths of a dollar. So every cost is a whole number.
type Rate int64

// UnmarshalText reads dollars per million tokens in decimal, e.g. "0.15", with
// at most six places.
func (r *Rate) UnmarshalText(b []byte) error {
	const tokens = 1e6
	var million tasks.Money
	if err := million.UnmarshalText(b); err != nil {
		return err
	}
	if million%tokens != 0 || million < 0 || million > maxRate*tokens {
		return fmt.Errorf("%q is not an amount of dollars with at most six places", b)
	}
	*r = Rate(million / tokens)
	return nil
}

// maxRate is a thousand dollars for a million tokens.
const maxRate = 1e9

// Price is what a model's tokens cost.
type Price struct {
	Input      Rate `yaml:"input"`       // prompt tokens that were not cached
	Cached     Rate `yaml:"cached"`      // prompt tokens served from the service's cache
	CacheWrite Rate `yaml:"cache_write"` // prompt tokens written to that cache; 0: like input
	Output     Rate `yaml:"output"`      // generated tokens, reasoning included
}

// LongPrice is the price of the whole call when its prompt is long.
type LongPrice struct {
	Over  int `yaml:"over"` // prompt tokens, cached ones included
	Price `yaml:",inline"`
}

// maxTokens is more than any call has; a server that reports more is not
// believed, so that no cost overflows.
const maxTokens = 1 << 31

// Cost returns what a call with this usage costs.
func (p Price) Cost(u providers.Usage) tasks.Money {
	count := func(n, most int) int64 { return int64(min(max(n, 0), most)) }
	input := count(u.Input, maxTokens)
	cached := count(u.Cached, int(input))
	written := count(u.CacheWritten, int(input-cached))
	return tasks.Money(int64(p.Input)*(input-cached-written) + int64(p.Cached)*cached +
		int64(p.write())*written + int64(p.Output)*count(u.Output, maxTokens))
}

func (p Price) write() Rate {
	if p.CacheWrite > 0 {
		return p.CacheWrite
	}
	return p.Input
}

// Tariff returns what calls of a model cost, and nil for a model that the preset
// does not know.
func (p Preset) Tariff(model string) providers.Tariff {
	m, ok := p.Lookup(model)
	if !ok {
		return nil
	}
	return tariff{p, m}
}

// tariff is the prices of one model by its service's clock.
type tariff struct {
	preset Preset
	model  Model
}

// Cost is the price of a call with this usage, begun at that time.
func (t tariff) Cost(u providers.Usage, at time.Time) tasks.Money {
	return t.price(u.Input, at).Cost(u)
}

// slack is how long after it was asked for a call may begin.
const slack = time.Minute

// Most is the most that such a call can cost, begun then or a moment later.
func (t tariff) Most(input, output int, at time.Time) tasks.Money {
	// What a user's own list does not set bounds nothing.
	bound := cmp.Or(t.model.OutputLimit, max(t.model.Context-input, 0))
	if output <= 0 || bound > 0 && output > bound {
		output = bound
	}
	u := providers.Usage{Input: input, Output: output}
	worst := func(at time.Time) tasks.Money {
		p := t.price(input, at)
		p.Input = max(p.Input, p.CacheWrite)
		return p.Cost(u)
	}
	return max(worst(at), worst(at.Add(slack)))
}

func (t tariff) price(input int, at time.Time) Price {
	switch {
	case t.model.Long != nil && input > t.model.Long.Over:
		return t.model.Long.Price
	case t.model.Peak != nil && t.preset.peak(at):
		return *t.model.Peak
	}
	return t.model.Price
}

// peak reports whether a time lies in the service's peak hours.
func (p Preset) peak(at time.Time) bool {
	at = at.UTC()
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return false
	}
	return slices.ContainsFunc(p.PeakHoursUTC, func(h Hours) bool { return at.Hour() >= h.From && at.Hour() < h.To })
}

// OffPeakAt returns the first time from at on, at itself if possible, at which
// none of the presets is in its peak hours.
func OffPeakAt(all []Preset, at time.Time) time.Time {
	const week = 7 * 24 * time.Hour
	peak := func(at time.Time) bool {
		return slices.ContainsFunc(all, func(p Preset) bool { return p.peak(at) })
	}
	for t := at; t.Before(at.Add(week)); t = t.Truncate(time.Hour).Add(time.Hour) {
		if !peak(t) {
			return t
		}
	}
	return at // they have no other hours
}
