package doctor

import (
	"strconv"
	"time"
)

const (
	// ExamineTimeout bounds how long one part may take to answer.
	ExamineTimeout = 5 * time.Second
	// longWait is after how long a waiting task is worth a warning.
	longWait = 10 * time.Minute
)

// Level is how bad a finding is.
type Level string

// The levels of findings.
const (
	OK      Level = "ok"
	Warning Level = "warn"
	Failed  Level = "FAIL"
)

// Finding is what one check found, and what to do about it.
type Finding struct {
	Level Level
	Check string
	What  string
	Do    string // "" when all is well
}

func (f Finding) ok(what string) Finding {
	f.Level, f.What = OK, what
	return f
}

func (f Finding) warn(what, do string) Finding {
	f.Level, f.What, f.Do = Warning, what, do
	return f
}

func (f Finding) fail(what, do string) Finding {
	f.Level, f.What, f.Do = Failed, what, do
	return f
}

func (f Finding) warnIf(bad bool, what, do string) Finding {
	if bad {
		return f.warn(what, do)
	}
	return f.ok(what)
}

func (f Finding) failIf(bad bool, what, do string) Finding {
	if bad {
		return f.fail(what, do)
	}
	return f.ok(what)
}

// number writes a count with its noun: 1 job, 2 jobs.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
