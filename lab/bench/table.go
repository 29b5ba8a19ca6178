//go:build unix

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one line of the table.
type row struct {
	what, figure string
	goal         string // "": for comparison only
	met          bool
}

// table writes the rows as Markdown.
func table(rows []row) string {
	cells := [][]string{{"what", "figure", "goal", "met"}, {}}
	for _, r := range rows {
		met := ""
		if r.goal != "" {
			met = "no"
			if r.met {
				met = "yes"
			}
		}
		cells = append(cells, []string{r.what, r.figure, r.goal, met})
	}
	widths := make([]int, 4)
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range cells {
		for i, width := range widths {
			if len(line) == 0 {
				b.WriteString("|" + strings.Repeat("-", width+2))
				continue
			}
			fmt.Fprintf(&b, "| %s%s ", line[i], strings.Repeat(" ", width-utf8.RuneCountInString(line[i])))
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// times are how long each of many things took.
type times []time.Duration

// at returns the quantile q, by the nearest rank.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	slices.Sort(t)
	return t[min(int(q*float64(len(t))), len(t)-1)]
}

// ms writes a time in milliseconds.
func ms(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}

// perSecond writes a rate with its thousands apart.
func perSecond(rate float64) string { return count(int(rate)) + "/s" }

func count(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
