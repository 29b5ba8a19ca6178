//go:build unix

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// tolerances are how much more there may be at the end, by the beginning or the end of what is
// compared: a share of what there was, and some more.
var tolerances = []struct {
	begins, ends string
	share, more  float64
}{
	{"", "live heap, MB", 0.05, 2},
	{"", "memory, MB", 0.10, 6},
	{"", "goroutines", 0.05, 10},
	{"", "open files", 0.05, 10},
	{"Redis connections", "", 0.05, 10},
	{"Redis keys", "", 0.15, 100},
	// A kind may come and go with what was last; that it grows shows in hundreds.
	{"keys ", "", 0.20, 100},
	{"kB in ", "", 0.25, 200},
}

// lastings are kinds of keys that are kept for a time after the last of their jobs. They
// are compared only in runs that have warmed for as long.
var lastings = []struct {
	part string // of the kind's name
	kept time.Duration
	why  string
}{
	{"asynq:{webhooks}:t:", 10 * time.Minute, "a webhook that was delivered is remembered, so that it is not sent again"},
	{"asynq:{webhooks}:completed", 10 * time.Minute, "as above"},
	{"spillway:cache:", 24 * time.Hour, "results for equal jobs, as long as the agent's cache_ttl"},
	{"spillway:webhooks:{soak}:tries", 30 * 24 * time.Hour, "the log of deliveries, up to 10,000 entries"},
	{"spillway:{budgets}:", 40 * 24 * time.Hour, "money spent by day and month"},
	{":processed:", 90 * 24 * time.Hour, "a day's counter of a queue"},
	{":failed:", 90 * 24 * time.Hour, "as above"},
}

// lasting reports whether a kind of keys outlives so long a time by design.
func lasting(kind string, warm time.Duration) bool {
	for _, l := range lastings {
		if strings.Contains(kind, l.part) && l.kept > warm {
			return true
		}
	}
	return false
}

// allowed returns how much there may be of what there was so much of.
func allowed(name string, was float64) float64 {
	for _, t := range tolerances {
		if strings.HasPrefix(name, t.begins) && strings.HasSuffix(name, t.ends) {
			return was*(1+t.share) + t.more
		}
	}
	return was
}

// judge prints what was and what is, and reports whether nothing has grown.
func judge(out io.Writer, before, after look) bool {
	all := maps.Clone(before)
	maps.Copy(all, after)
	fmt.Fprintf(out, "| %-44s | %10s | %10s | %10s |\n|%s|%s|%s|%s|\n", "what", "warm", "at the end", "allowed", strings.Repeat("-", 46), strings.Repeat("-", 12), strings.Repeat("-", 12), strings.Repeat("-", 12))
	var grew []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, is := before[name], after[name]
		most := allowed(name, was)
		detail := strings.HasPrefix(name, "keys ") || strings.HasPrefix(name, "kB in ")
		if is > most {
			grew = append(grew, fmt.Sprintf("%s: %.1f, then %.1f, of %.1f at most", name, was, is, most))
		} else if detail {
			continue // too many to read, and all well
		}
		fmt.Fprintf(out, "| %-44s | %10.1f | %10.1f | %10.1f |\n", name, was, is, most)
	}
	if len(grew) == 0 {
		fmt.Fprintln(out, "\nnothing has grown")
		return true
	}
	fmt.Fprintln(out, "\nGROWN:")
	for _, line := range grew {
		fmt.Fprintln(out, " ", line)
	}
	return false
}
