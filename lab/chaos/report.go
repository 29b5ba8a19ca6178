//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/topcentral/spillway/lab/history"
)

// shownHistories is how many jobs' histories are printed in full.
const shownHistories = 20

// writeHistory writes the histories of all jobs to a file, if one is named.
func writeHistory(path string, h *history.History) error {
	if path == "" {
		return nil
	}
	var text bytes.Buffer
	for _, e := range h.Exits {
		fmt.Fprintf(&text, "%s ended by itself at %v, after %v: %s\n", e.Name, e.At, e.Up, e.Reason)
	}
	for _, m := range slices.Sorted(maps.Keys(h.Jobs)) {
		history.Print(&text, h, h.Jobs[m])
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}

// report prints what came of the run.
func report(out io.Writer, cfg config, h *history.History, violations []history.Violation) {
	history.Measure(h).Print(out)
	if len(violations) == 0 {
		fmt.Fprintln(out, "\nevery promise was kept")
		return
	}
	fmt.Fprintf(out, "\n%d VIOLATIONS\n", len(violations))
	shown := map[string]bool{}
	for _, v := range violations {
		fmt.Fprintln(out, " ", v)
	}
	for _, v := range violations {
		j := h.Jobs[v.Marker]
		if j == nil || shown[v.Marker] || len(shown) == shownHistories {
			continue
		}
		shown[v.Marker] = true
		history.Print(out, h, j)
	}
	fmt.Fprintln(out, "\nreproduce with:", cfg.command())
}
