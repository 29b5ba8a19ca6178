package agents

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// anyValid draws a value that a schema takes.
func anyValid(t *rapid.T, s *jsonschema.Schema, name string) any {
	s = target(s)
	if s.Enum != nil {
		return rapid.SampledFrom(s.Enum.Values).Draw(t, name)
	}
	switch typeOf(s) {
	case "object":
		o := map[string]any{}
		for _, p := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, p) || rapid.Bool().Draw(t, "has "+p) {
				o[p] = anyValid(t, s.Properties[p], p)
			}
		}
		return o
	case "array":
		var least int
		if s.MinItems != nil {
			least = *s.MinItems
		}
		items := make([]any, rapid.IntRange(least, min(*s.MaxItems, 6)).Draw(t, "items of "+name))
		for i := range items {
			items[i] = anyValid(t, s.Items2020, name)
		}
		return items
	case "integer", "number":
		low, _ := s.Minimum.Float64()
		high, _ := s.Maximum.Float64()
		if typeOf(s) == "integer" {
			return rapid.IntRange(int(low), int(high)).Draw(t, name)
		}
		return rapid.Float64Range(low, high).Draw(t, name)
	}
	return anyText(t, s, name)
}

func anyText(t *rapid.T, s *jsonschema.Schema, name string) string {
	if s.Format != nil {
		day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 4000).Draw(t, name))
		return day.Format(time.DateOnly)
	}
	if s.Pattern != nil {
		return rapid.StringMatching(s.Pattern.String()).Draw(t, name)
	}
	least := 0
	if s.MinLength != nil {
		least = *s.MinLength
	}
	return rapid.StringN(least, min(*s.MaxLength, 200), -1).Draw(t, name)
}

// TestEveryValidInputIsScored is the promise of the answer of last resort:
// whatever the input schema takes, the scorecard answers, and validly.
func TestEveryValidInputIsScored(t *testing.T) {
	for _, a := range builtins(t) {
		t.Run(a.ID, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				input, err := json.Marshal(anyValid(t, a.input.compiled, "input"))
				if err != nil {
					t.Fatal(err)
				}
				if len(a.CheckInput(input)) > 0 {
					t.Skip("a blank text where one is required")
				}
				for _, lang := range languages {
					if _, err := a.Score(input, lang); err != nil {
						t.Fatalf("%v\ninput: %s", err, input)
					}
				}
			})
		})
	}
}
