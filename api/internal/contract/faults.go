package contract

import (
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

// Invalid returns the error for a body with these faults.
func Invalid(faults []tasks.Fault) *tasks.Error {
	summary := "1 thing is wrong with the request body; see errors."
	if n := len(faults); n > 1 {
		summary = fmt.Sprintf("%d things are wrong with the request body; see errors.", n)
	}
	if len(faults) > MaxFaults {
		summary = fmt.Sprintf("More than %d things are wrong with the request body; errors has the first.", MaxFaults)
		faults = faults[:MaxFaults]
	}
	e := tasks.Errorf(tasks.CodeInvalid, "%s", summary)
	e.Faults = faults
	return e
}

// faultsOf lists what a schema found wrong, in order of place.
func faultsOf(e *jsonschema.ValidationError) []tasks.Fault {
	faults := leaves(nil, e, message.NewPrinter(language.English))
	slices.SortStableFunc(faults, func(a, b tasks.Fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	return slices.Compact(faults)
}

// leaves appends the faults below e, the innermost first, for these say what to
// change.
func leaves(faults []tasks.Fault, e *jsonschema.ValidationError, p *message.Printer) []tasks.Fault {
	for _, cause := range e.Causes {
		faults = leaves(faults, cause, p)
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
			faults = append(faults, tasks.Fault{Pointer: at(name), Detail: "is not a known field"})
		}
	default:
		faults = append(faults, tasks.Fault{Pointer: pointer(e.InstanceLocation...), Detail: k.LocalizedString(p)})
	}
	return faults
}
