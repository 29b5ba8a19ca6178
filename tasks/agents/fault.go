package agents

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/topcentral/spillway/tasks"
)

const (
	// maxFaults bounds how many faults of a document are reported at once.
	maxFaults = 20
	// maxWorded bounds how many faults are put into words to choose those from.
	maxWorded = 10 * maxFaults
)

// printer words what the schema package says of kinds that have no wording here.
var printer = message.NewPrinter(language.English)

// describe words a validation error as faults, ordered by pointer.
func describe(root *jsonschema.Schema, invalid *jsonschema.ValidationError) []tasks.Fault {
	var all []tasks.Fault
	for _, leaf := range leaves(invalid) {
		if len(all) >= maxWorded {
			break
		}
		all = append(all, faultsOf(root, leaf)...)
	}
	slices.SortFunc(all, func(a, b tasks.Fault) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Detail, b.Detail))
	})
	all = slices.Compact(all)
	return all[:min(len(all), maxFaults)]
}

// faultsOf words one error: what is wrong there, and what would be right.
func faultsOf(root *jsonschema.Schema, e *jsonschema.ValidationError) []tasks.Fault {
	path := e.InstanceLocation
	around := at(root, path)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return eachName(path, k.Missing, func(name string) string {
			return "is required" + meaning(around, name)
		})
	case *kind.AdditionalProperties:
		return eachName(path, k.Properties, func(name string) string {
			return "is not a known field; " + suggestion(around, name)
		})
	case *kind.Type:
		detail := fmt.Sprintf("must be %s, not %s", article(strings.Join(k.Want, " or ")), article(k.Got))
		return []tasks.Fault{{Pointer: pointer(path), Detail: detail}}
	case *kind.Enum:
		detail := fmt.Sprintf("must be one of %s, not %s", list(k.Want), quote(k.Got))
		return []tasks.Fault{{Pointer: pointer(path), Detail: detail}}
	}
	return []tasks.Fault{{Pointer: pointer(path), Detail: limitDetail(around, e.ErrorKind)}}
}

// limitDetail words errors about lengths, bounds and forms.
func limitDetail(s *jsonschema.Schema, k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, at most %d are allowed", k.Got, k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("has %d characters, at least %d are needed", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d items, at most %d are allowed", k.Got, k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("has %d items, at least %d are needed", k.Got, k.Want)
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString() + ", not " + decimal(k.Got.Float64())
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString() + ", not " + decimal(k.Got.Float64())
	case *kind.Format:
		return fmt.Sprintf("must be a %s%s, not %s", k.Want, sample(k.Want), quote(k.Got))
	case *kind.Pattern:
		return fmt.Sprintf("must match %s, not %s", k.Want, quote(k.Got))
	}
	if s != nil && s.Description != "" {
		return k.LocalizedString(printer) + " (" + s.Description + ")"
	}
	return k.LocalizedString(printer)
}

func eachName(path, names []string, detail func(string) string) []tasks.Fault {
	var faults []tasks.Fault
	for _, name := range slices.Sorted(slices.Values(names))[:min(len(names), maxFaults)] {
		at := pointer(append(slices.Clone(path), name))
		faults = append(faults, tasks.Fault{Pointer: at, Detail: detail(name)})
	}
	return faults
}

// meaning describes what a field holds and which values it takes.
func meaning(around *jsonschema.Schema, name string) string {
	if around == nil || around.Properties[name] == nil {
		return ""
	}
	field := target(around.Properties[name])
	var b strings.Builder
	if field.Description != "" {
		b.WriteString(": " + field.Description)
	}
	if field.Enum != nil {
		b.WriteString("; one of " + list(field.Enum.Values))
	}
	return b.String()
}

// suggestion names the known field nearest to a wrong name.
func suggestion(around *jsonschema.Schema, name string) string {
	if around == nil {
		return "remove it"
	}
	names := slices.Sorted(maps.Keys(around.Properties))
	best, least := "", 1+len(name)/3
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d <= least {
			best, least = n, d-1
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "remove it; the fields are " + strings.Join(names, ", ")
}

// distance is the Levenshtein distance between two short names. Long ones
// count as far apart, which bounds the work.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// pointer writes path as a JSON Pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return b.String()
}

func article(noun string) string {
	if strings.ContainsAny(noun[:min(1, len(noun))], "aeio") {
		return "an " + noun
	}
	return "a " + noun
}

// sample shows the form that a format asks for.
func sample(format string) string {
	switch format {
	case "date":
		return " such as 2026-03-31"
	case "date-time":
		return " such as 2026-03-31T09:30:00+08:00"
	}
	return ""
}

func list(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = quote(v)
	}
	return strings.Join(words, ", ")
}

// quote shows a value as short JSON.
func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	if runes := []rune(string(b)); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return string(b)
}

func decimal(f float64, _ bool) string { return number(f) }
