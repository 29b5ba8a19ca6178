package cli

import (
	"fmt"
	"io"
	"strconv"
)

// level is how bad a finding is.
type level string

const (
	levelOK   level = "ok"
	levelWarn level = "warn"
	levelFail level = "FAIL"
)

// finding is what one check found, and what to do about it.
type finding struct {
	level level
	check string
	what  string
	do    string // "" when all is well
}

func (f finding) ok(what string) finding {
	f.level, f.what = levelOK, what
	return f
}

func (f finding) warn(what, do string) finding {
	f.level, f.what, f.do = levelWarn, what, do
	return f
}

func (f finding) fail(what, do string) finding {
	f.level, f.what, f.do = levelFail, what, do
	return f
}

func (f finding) warnIf(bad bool, what, do string) finding {
	if bad {
		return f.warn(what, do)
	}
	return f.ok(what)
}

func (f finding) failIf(bad bool, what, do string) finding {
	if bad {
		return f.fail(what, do)
	}
	return f.ok(what)
}

// printFindings prints a line for each finding, with what to do below it, and
// returns how many failed.
func printFindings(w io.Writer, findings []finding) (failed int) {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.check))
	}
	for _, f := range findings {
		fmt.Fprintf(w, "%-4s  %-*s  %s\n", f.level, width, f.check, withoutPassword(f.what))
		if f.do != "" {
			fmt.Fprintf(w, "      → %s\n", f.do)
		}
		if f.level == levelFail {
			failed++
		}
	}
	return failed
}

// number writes a count with its noun: 1 job, 2 jobs.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
