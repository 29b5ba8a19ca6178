package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	schemakind "github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/topcentral/spillway/tasks"
)

// MaxFaults bounds how many faults one problem lists.
const MaxFaults = 50

// Invalid returns the error for a body with these faults. Their details say what
// is wrong with the value at their pointers, as "is required"; package httpx makes
// sentences of them.
func Invalid(faults []tasks.Fault) *tasks.Error {
	summary := "1 thing is wrong with the request body; see errors."
	if n := len(faults); n > 1 {
		summary = fmt.Sprintf("%d things are wrong with the request body; see errors.", n)
	}
	if len(faults) > MaxFaults {
		summary = fmt.Sprintf("More than %d things are wrong with the request body; errors lists the first.", MaxFaults)
		faults = faults[:MaxFaults]
	}
	e := tasks.Errorf(tasks.CodeInvalid, "%s", summary)
	e.Faults = faults
	return e
}

// faultsOf lists what a schema found wrong, in order of place.
func faultsOf(e *jsonschema.ValidationError) []tasks.Fault {
	faults := leaves(nil, e)
	slices.SortStableFunc(faults, func(a, b tasks.Fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	return slices.Compact(faults)
}

// leaves appends the faults below e, the innermost first, for these say what to
// change.
func leaves(faults []tasks.Fault, e *jsonschema.ValidationError) []tasks.Fault {
	for _, cause := range e.Causes {
		faults = leaves(faults, cause)
	}
	if len(e.Causes) > 0 {
		return faults
	}
	at := func(name string) string { return pointer(append(slices.Clone(e.InstanceLocation), name)...) }
	switch k := e.ErrorKind.(type) {
	case *schemakind.Required:
		for _, name := range k.Missing {
			faults = append(faults, tasks.Fault{Pointer: at(name), Detail: "is required"})
		}
	case *schemakind.AdditionalProperties:
		for _, name := range slices.Sorted(slices.Values(k.Properties))[:min(len(k.Properties), MaxFaults+1)] {
			faults = append(faults, tasks.Fault{Pointer: at(name), Detail: "is not a known field; check its spelling, or remove it"})
		}
	default:
		faults = append(faults, tasks.Fault{Pointer: pointer(e.InstanceLocation...), Detail: predicate(k)})
	}
	return faults
}

// printer words the kinds of errors that predicate does not.
var printer = message.NewPrinter(language.English)

// predicate says what is wrong with a value, and what would be right.
func predicate(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *schemakind.Type:
		return fmt.Sprintf("must be of type %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *schemakind.Enum:
		return "must be one of " + list(k.Want)
	case *schemakind.Const:
		return "must be " + quote(k.Want)
	case *schemakind.Format:
		return fmt.Sprintf("must be a valid %s%s", k.Want, exampleOf[k.Want])
	case *schemakind.Pattern:
		return "must match the pattern " + k.Want
	case *schemakind.MinLength:
		return fmt.Sprintf("must have at least %d characters, not %d", k.Want, k.Got)
	case *schemakind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, not %d", k.Want, k.Got)
	case *schemakind.MinItems:
		return fmt.Sprintf("must have at least %d items, not %d", k.Want, k.Got)
	case *schemakind.MaxItems:
		return fmt.Sprintf("must have at most %d items, not %d", k.Want, k.Got)
	case *schemakind.UniqueItems:
		return fmt.Sprintf("must not have the same item twice, as at %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *schemakind.MinProperties:
		return fmt.Sprintf("must have at least %d fields, not %d", k.Want, k.Got)
	case *schemakind.MaxProperties:
		return fmt.Sprintf("must have at most %d fields, not %d", k.Want, k.Got)
	case *schemakind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *schemakind.Maximum:
		return "must be at most " + k.Want.RatString()
	}
	return "is not valid: " + k.LocalizedString(printer)
}

// exampleOf shows the form that a format requires.
var exampleOf = map[string]string{
	"date-time": ", such as 2026-03-12T08:00:00Z",
	"uri":       ", such as https://example.com/hooks",
}

func list(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = quote(v)
	}
	return strings.Join(words, ", ")
}

func quote(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
