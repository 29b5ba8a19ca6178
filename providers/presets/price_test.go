package presets

import (
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The times of the day that matter to DeepSeek's prices.
const (
	cheap = "2026-11-02T05:00:00Z" // Monday, 13:00 in Beijing
	dear  = "2026-11-02T02:00:00Z" // Monday, 10:00
)

// TestCost holds the costs of calls against the services' price lists, worked
// out by hand.
func TestCost(t *testing.T) {
	for _, c := range []struct {
		name, preset, model, at string
		usage                   providers.Usage
		want                    tasks.Money
	}{
		{"nothing", "deepseek", "", cheap, providers.Usage{}, 0},
		{"one token", "deepseek", "", cheap, providers.Usage{Input: 1}, 150_000},
		{"one cached token", "deepseek", "", cheap, providers.Usage{Input: 1, Cached: 1}, 3_000},
		{"a million of each", "deepseek", "", cheap, providers.Usage{Input: 2_000_000, Cached: 1_000_000, Output: 1_000_000}, 753_000_000_000},
		{"peak doubles", "deepseek", "", dear, providers.Usage{Input: 2_000_000, Cached: 1_000_000, Output: 1_000_000}, 1_506_000_000_000},
		{"old name", "deepseek", "deepseek-reasoner", dear, providers.Usage{Output: 7}, 8_400_000},
		{"the larger model", "deepseek", "deepseek-v4-pro", cheap, providers.Usage{Input: 1234, Cached: 234, Output: 567}, 1000*660_000 + 234*22_000 + 567*1_980_000},
		{"the larger model at peak", "deepseek", "deepseek-v4-pro", dear, providers.Usage{Input: 1, Output: 1}, 1_320_000 + 3_960_000},
		{"thinking is part of the output", "kimi", "kimi-k3.1-pro", dear, providers.Usage{Input: 100, Output: 50, Reasoning: 40}, 100*2_000_000 + 50*10_000_000},
		{"no peak at Kimi", "kimi", "", dear, providers.Usage{Input: 10, Cached: 4, Output: 1}, 6*950_000 + 4*160_000 + 4_000_000},
		{"512K is not long", "minimax", "", cheap, providers.Usage{Input: 512_000, Output: 1}, 512_000*300_000 + 1_200_000},
		{"longer is twice the price", "minimax", "", cheap, providers.Usage{Input: 512_001, Cached: 1, Output: 1}, 512_000*600_000 + 120_000 + 2_400_000},
		{"writing to the cache", "minimax", "MiniMax-M2.7", cheap, providers.Usage{Input: 3, Cached: 1, CacheWritten: 1}, 300_000 + 60_000 + 375_000},
		{"272K is not long", "openai", "gpt-6-sol", cheap, providers.Usage{Input: 272_000, Output: 2}, 272_000*2_000_000 + 2*10_000_000},
		{"longer is dearer", "openai", "gpt-6-sol", cheap, providers.Usage{Input: 272_001, Output: 2}, 272_001*4_000_000 + 2*15_000_000},
		{"more cached than read", "deepseek", "", cheap, providers.Usage{Input: 10, Cached: 20}, 30_000},
		{"negative counts", "deepseek", "", cheap, providers.Usage{Input: -5, Cached: -5, Output: -5}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := Lookup(c.preset)
			if got := p.Tariff(c.model).Cost(c.usage, at(t, c.at)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestNoTokenCountOverflows(t *testing.T) {
	const absurd = 1 << 62
	for _, p := range All() {
		for _, m := range p.Models {
			if got := p.Tariff(m.Name).Cost(providers.Usage{Input: absurd, Cached: absurd, Output: absurd}, at(t, dear)); got <= 0 {
				t.Errorf("%s: %d", m.Name, got)
			}
		}
	}
}

func TestAnUnknownModelHasNoTariff(t *testing.T) {
	p, _ := Lookup("deepseek")
	if got := p.Tariff("deepseek-v9"); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestMost checks that no call within its bounds costs more than was said before.
func TestMost(t *testing.T) {
	for _, p := range All() {
		for _, m := range p.Models {
			tariff := p.Tariff(m.Name)
			for _, when := range []string{cheap, dear, "2026-11-02T00:59:30Z"} {
				asked := at(t, when)
				most := tariff.Most(1000, 500, asked)
				for _, u := range []providers.Usage{{Input: 1000, Output: 500}, {Input: 1000, CacheWritten: 1000, Output: 500}, {Input: 1000, Cached: 1000}} {
					if cost := tariff.Cost(u, asked.Add(45*time.Second)); cost > most {
						t.Errorf("%s: %+v costs %d, more than %d", m.Name, u, cost, most)
					}
				}
				if bounded := tariff.Most(1000, m.OutputLimit, asked); tariff.Most(1000, 0, asked) != bounded {
					t.Errorf("%s: a call without a bound is not bounded by the model's", m.Name)
				}
			}
		}
	}
	p, _ := Lookup("kimi")
	if got := p.ThinkingTokens("kimi-k3.1-pro"); got != 16_384 {
		t.Errorf("thinking: %d tokens", got)
	}
	if got, want := p.Tariff("kimi-k3.1-pro").Most(0, 16_884, at(t, cheap)), tasks.Money(16_884*10_000_000); got != want {
		t.Errorf("with thinking: %d, want %d", got, want)
	}
}

// A user's own list may leave out how much a model can write.
func TestMostOfAModelWhoseBoundsAreNotKnown(t *testing.T) {
	for _, c := range []struct {
		name                   string
		model                  Model
		input, output, written int
	}{
		{"what the call may write", Model{}, 10, 500, 500},
		{"no bound at all", Model{}, 10, 0, 0},
		{"what its window has left", Model{Context: 4096}, 96, 0, 4000},
		{"and no more", Model{Context: 4096}, 96, 5000, 4000},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.model.Name, c.model.Price = "own", Price{Output: 3}
			tariff := Preset{Models: []Model{c.model}}.Tariff("own")
			if got := tariff.Most(c.input, c.output, at(t, cheap)); got != tasks.Money(3*c.written) {
				t.Errorf("got %d, want the price of %d tokens", got, c.written)
			}
		})
	}
}

func TestPeakHours(t *testing.T) {
	p, _ := Lookup("deepseek")
	for _, c := range []struct {
		at   string
		want tasks.Money
	}{
		{"2026-11-02T00:59:59Z", 600_000}, // Monday, 08:59:59 in Beijing
		{"2026-11-02T01:00:00Z", 1_200_000},
		{"2026-11-02T03:59:59Z", 1_200_000},
		{"2026-11-02T04:00:00Z", 600_000}, // lunch
		{"2026-11-02T06:00:00Z", 1_200_000},
		{"2026-11-02T18:00:00+08:00", 600_000},
		{"2026-11-01T02:00:00Z", 600_000}, // Sunday
	} {
		if got := p.Tariff("deepseek-chat").Cost(providers.Usage{Output: 1}, at(t, c.at)); got != c.want {
			t.Errorf("%s: an output token costs %d, want %d", c.at, got, c.want)
		}
	}
}

func TestOffPeakAt(t *testing.T) {
	deepseek, _ := Lookup("deepseek")
	kimi, _ := Lookup("kimi")
	always := Preset{}
	for h := range 5 {
		always.PeakHoursUTC = append(always.PeakHoursUTC, Hours{h * 5, h*5 + 5})
	}
	for _, c := range []struct {
		name     string
		all      []Preset
		at, want string
	}{
		{"now", []Preset{deepseek}, "2026-11-02T04:30:12Z", "2026-11-02T04:30:12Z"},
		{"after the morning", []Preset{kimi, deepseek}, "2026-11-02T01:30:12Z", "2026-11-02T04:00:00Z"},
		{"after the afternoon", []Preset{deepseek}, "2026-11-02T17:59:59+08:00", "2026-11-02T10:00:00Z"},
		{"no peak", []Preset{kimi}, "2026-11-02T01:30:12Z", "2026-11-02T01:30:12Z"},
		{"nobody", nil, "2026-11-02T01:30:12Z", "2026-11-02T01:30:12Z"},
		{"peak until the weekend", []Preset{always}, "2026-11-05T01:30:12Z", "2026-11-07T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := OffPeakAt(c.all, at(t, c.at)); !got.Equal(at(t, c.want)) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRatesAreExact(t *testing.T) {
	for text, want := range map[string]Rate{"0.15": 150_000, "0.003": 3_000, "10.00": 10_000_000, "2": 2_000_000, "0.000001": 1} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %d, %v, want %d", text, r, err, want)
		}
	}
	for _, text := range []string{"", ".5", "-1", "0.0000001", "1e3", "99999999", strings.Repeat("9", 40)} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %d", text, r)
		}
	}
}

func TestLimitsOf(t *testing.T) {
	deepseek, _ := Lookup("deepseek")
	kimi, _ := Lookup("kimi")
	if l, own := deepseek.LimitsOf("deepseek-chat"); !own || l.Concurrency != 2500 {
		t.Errorf("%+v, own %t", l, own)
	}
	if l, own := deepseek.LimitsOf("deepseek-v9"); own || l.Concurrency != 500 {
		t.Errorf("%+v, own %t", l, own)
	}
	if l, own := kimi.LimitsOf(""); own || l != (providers.Limits{Concurrency: 1, RequestsPerMinute: 3, TokensPerMinute: 500_000}) {
		t.Errorf("%+v, own %t", l, own)
	}
}
