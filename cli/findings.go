package cli

import (
	"fmt"
	"io"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/doctor"
)

// printFindings prints a line for each finding, with what to do below it, and
// returns how many failed.
func printFindings(w io.Writer, findings []doctor.Finding) (failed int) {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	for _, f := range findings {
		fmt.Fprintf(w, "%-4s  %-*s  %s\n", f.Level, width, f.Check, config.HidePassword(f.What))
		if f.Do != "" {
			fmt.Fprintf(w, "      → %s\n", f.Do)
		}
		if f.Level == doctor.Failed {
			failed++
		}
	}
	return failed
}
