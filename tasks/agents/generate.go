package agents

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// generator makes up values that a schema takes. Where it does not know how, as
// for combinations of schemas, it makes a guess, which the caller checks.
type generator struct {
	rng   *rand.Rand
	known map[string][]any // texts of the author's examples, by place
}

// extent says which of the values that a schema takes is wanted.
type extent int

const (
	lowest   extent = iota // the least number, the shortest text or list, nothing that is not required
	highest                // the greatest, the longest, everything
	anything               // any, at random
)

// Where a schema sets no bound.
const (
	unboundedNumber = 1_000_000
	unboundedItems  = 3
	longestText     = 400
	longestList     = 30
)

// absentValue is what value returns for a value that it cannot make up.
type absentValue struct{}

// value makes up a value for a schema at a place.
func (g *generator) value(s *jsonschema.Schema, e extent, at string) any {
	s = target(s)
	if s.Const != nil {
		return plain(*s.Const)
	}
	if s.Enum != nil {
		return plain(pick(g, s.Enum.Values, e))
	}
	for _, choice := range [][]*jsonschema.Schema{s.OneOf, s.AnyOf} {
		if len(choice) > 0 && typeOf(s) == "" {
			return g.value(pick(g, choice, e), e, at)
		}
	}
	switch g.typeOf(s, e) {
	case "object":
		return g.object(s, e, at)
	case "array":
		return g.array(s, e, at)
	case "string":
		return g.text(s, e, at)
	case "integer":
		return math.Round(g.number(s, e, 1))
	case "number":
		return g.number(s, e, 0)
	case "boolean":
		return pick(g, []bool{false, true}, e)
	}
	return absentValue{}
}

// typeOf returns a type that a schema allows.
func (g *generator) typeOf(s *jsonschema.Schema, e extent) string {
	if s.Types == nil || s.Types.IsEmpty() {
		if s.Properties != nil {
			return "object"
		}
		return "string"
	}
	return pick(g, s.Types.ToStrings(), e)
}

func (g *generator) object(s *jsonschema.Schema, e extent, at string) any {
	o := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) || e == highest || e == anything && g.rng.IntN(3) > 0 {
			g.set(o, name, g.value(s.Properties[name], e, at+"/"+name))
		}
	}
	return o
}

// set gives o a member, unless its value could not be made up.
func (g *generator) set(o map[string]any, name string, v any) {
	if v == (any)(absentValue{}) {
		delete(o, name)
		return
	}
	o[name] = v
}

func (g *generator) array(s *jsonschema.Schema, e extent, at string) any {
	least, most := 0, unboundedItems
	if s.MinItems != nil {
		least = *s.MinItems
	}
	if s.MaxItems != nil {
		most = *s.MaxItems
	}
	most = max(least, min(most, longestList))
	n := map[extent]int{lowest: least, highest: most, anything: least + g.rng.IntN(min(most-least, 4)+1)}[e]
	items := make([]any, 0, n)
	for i := range n {
		of := s.Items2020
		if i < len(s.PrefixItems) {
			of = s.PrefixItems[i]
		}
		if of == nil {
			items = append(items, "x")
			continue
		}
		// Elements differ, as a list of different ones demands.
		if v := g.value(of, pick(g, []extent{e, anything}, anything), at+"/*"); v != (any)(absentValue{}) {
			items = append(items, v)
		}
	}
	return items
}

// number makes up a number. At random it has a fraction, unless the step says
// otherwise.
func (g *generator) number(s *jsonschema.Schema, e extent, step float64) float64 {
	low, high := -float64(unboundedNumber), float64(unboundedNumber)
	if s.Minimum != nil {
		low, _ = s.Minimum.Float64()
	}
	if s.ExclusiveMinimum != nil {
		low, _ = s.ExclusiveMinimum.Float64()
		low += max(step, 1e-6)
	}
	if s.Maximum != nil {
		high, _ = s.Maximum.Float64()
	} else {
		high = max(high, low)
	}
	if s.ExclusiveMaximum != nil {
		high, _ = s.ExclusiveMaximum.Float64()
		high -= max(step, 1e-6)
	}
	low = min(low, high)
	v := map[extent]float64{lowest: low, highest: high, anything: low + g.rng.Float64()*(high-low)}[e]
	if s.MultipleOf != nil {
		if unit, _ := s.MultipleOf.Float64(); unit > 0 {
			v = math.Ceil(v/unit) * unit
		}
	}
	return v
}

// samples are texts of the formats that schemas may ask for.
var samples = map[string][]string{
	"date-time": {"1999-12-31T23:59:59Z", "2026-03-31T09:30:00+08:00"},
	"time":      {"00:00:00Z", "23:59:59Z"},
	"duration":  {"PT1S", "P1Y"},
	"email":     {"a@example.com"},
	"hostname":  {"example.com"},
	"ipv4":      {"192.0.2.1"},
	"ipv6":      {"2001:db8::1"},
	"uri":       {"https://example.com/"},
	"uuid":      {"00000000-0000-4000-8000-000000000000"},
}

func (g *generator) text(s *jsonschema.Schema, e extent, at string) any {
	if known := g.known[at]; s.Pattern != nil && len(known) > 0 {
		return pick(g, known, e)
	}
	if s.Pattern != nil {
		return absentValue{}
	}
	if s.Format != nil {
		if s.Format.Name == "date" {
			day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			days := map[extent]int{lowest: 0, highest: 20_000, anything: g.rng.IntN(12_000)}[e]
			return day.AddDate(0, 0, days).Format(time.DateOnly)
		}
		if known := samples[s.Format.Name]; len(known) > 0 {
			return pick(g, known, e)
		}
	}
	least, most := 1, longestText
	if s.MinLength != nil {
		least = max(least, *s.MinLength)
	}
	if s.MaxLength != nil {
		most = *s.MaxLength
	}
	most = max(least, min(most, longestText))
	n := map[extent]int{lowest: least, highest: most, anything: least + g.rng.IntN(min(most-least, 40)+1)}[e]
	return letters(n, g.rng.IntN(4))
}

// letters is a text of n characters, from one of several alphabets.
func letters(n, kind int) string {
	alphabet := []rune([]string{"abc ", "字符 ", "a\"<\\", "9"}[kind])
	var b strings.Builder
	for i := range n {
		b.WriteRune(alphabet[i%len(alphabet)])
	}
	return b.String()
}

// variations returns copies of an input in which one field is absent, at a bound,
// or has another of its values.
func (g *generator) variations(s *jsonschema.Schema, base map[string]any) []any {
	var all []any
	vary := func(name string, v any) {
		varied := maps.Clone(base)
		g.set(varied, name, v)
		all = append(all, varied)
	}
	s = target(s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		vary(name, absentValue{})
		if enum := target(p).Enum; enum != nil {
			for _, v := range enum.Values {
				vary(name, plain(v))
			}
			continue
		}
		for _, e := range []extent{lowest, highest, anything} {
			vary(name, g.value(p, e, "/"+name))
		}
		if kind := typeOf(p); kind == "integer" || kind == "number" {
			vary(name, 0.0)
			vary(name, 1.0)
		}
	}
	return all
}

// pick returns the first, the last, or any of all.
func pick[T any](g *generator, all []T, e extent) T {
	switch e {
	case lowest:
		return all[0]
	case highest:
		return all[len(all)-1]
	default:
		return all[g.rng.IntN(len(all))]
	}
}
