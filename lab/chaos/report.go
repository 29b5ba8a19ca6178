//go:build unix

package main

import (
	"fmt"
	"io"

	"github.com/topcentral/spillway/lab/history"
)

// shownHistories is how many jobs' histories are printed in full.
const shownHistories = 20

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
