package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// shownRows is how many of the best and of the worst are shown.
const shownRows = 5

// scored is an opportunity with what A02 made of it.
type scored struct {
	*demoRun
	result analysis
}

// analysis is what the report reads of a result; the agents share this much.
type analysis struct {
	Score       float64  `json:"score"`
	Grade       string   `json:"grade"`
	Level       string   `json:"level"`
	Summary     string   `json:"summary"`
	Drivers     []driver `json:"drivers"`
	NextActions []struct {
		Who  string `json:"who"`
		What string `json:"what"`
		When string `json:"when"`
	} `json:"next_actions"`
}

type driver struct {
	Direction string `json:"direction"` // up, down
	Text      string `json:"text"`
}

// printReport prints how the jobs ended.
func printReport(w io.Writer, runs []*demoRun, took time.Duration) {
	out := &printer{w: w}
	opportunities := scoredOf(runs)
	out.line("Best and worst of %d opportunities by A02's score", len(opportunities))
	out.opportunities(opportunities)
	out.line("")
	out.line("AUC of the score against the known outcomes: %.3f (0.5 is chance, 1 is perfect; the outcome is never an input)", auc(opportunities))
	for _, r := range runs {
		if r.won == nil {
			out.sample(r)
		}
	}
	out.line("")
	out.times(runs, took)
	out.candidates(runs)
}

// printer writes lines.
type printer struct{ w io.Writer }

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p.w, format+"\n", args...)
}

// scoredOf returns the opportunities that were scored, best first.
func scoredOf(runs []*demoRun) []scored {
	var all []scored
	for _, r := range runs {
		if r.won == nil || r.job.State != tasks.Succeeded {
			continue
		}
		s := scored{demoRun: r}
		if json.Unmarshal(r.job.Result, &s.result) == nil {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.result.Score, a.result.Score) })
	return all
}

// opportunities prints the first and the last rows. The drivers come last in
// the row, where the width of Chinese letters does not matter.
func (p *printer) opportunities(all []scored) {
	table := tabwriter.NewWriter(p.w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "  SCORE\tGRADE\tOUTCOME\tOPPORTUNITY\tDRIVERS")
	for i, s := range all {
		if i == shownRows && len(all) > 2*shownRows {
			fmt.Fprintln(table, "  …\t\t\t\t")
		}
		if i >= shownRows && i < len(all)-shownRows {
			continue
		}
		outcome := "lost"
		if *s.won {
			outcome = "won"
		}
		fmt.Fprintf(table, "  %.0f\t%s\t%s\t%s\t%s\n", s.result.Score, s.result.Grade, outcome, s.title, driverList(s.result.Drivers))
	}
	_ = table.Flush() // a terminal that is gone
}

// driverList names the strongest drivers with their signs.
func driverList(drivers []driver) string {
	var parts []string
	for _, d := range drivers[:min(3, len(drivers))] {
		sign := "+"
		if d.Direction == "down" {
			sign = "−"
		}
		parts = append(parts, sign+d.Text)
	}
	return strings.Join(parts, "; ")
}

// auc is the probability that a won opportunity scores above a lost one, ties
// counting half: the area under the ROC curve (Hanley and McNeil, Radiology
// 143, 1982). It is 0.5 when one of the outcomes is missing.
func auc(all []scored) float64 {
	var pairs, above float64
	for _, won := range all {
		for _, lost := range all {
			if !*won.won || *lost.won {
				continue
			}
			pairs++
			switch {
			case won.result.Score > lost.result.Score:
				above++
			case won.result.Score == lost.result.Score:
				above += 0.5
			}
		}
	}
	if pairs == 0 {
		return 0.5
	}
	return above / pairs
}

// sample prints the result of one of the other agents.
func (p *printer) sample(r *demoRun) {
	p.line("")
	p.line("%s  %s  (%s)", r.sub.Agent, r.title, answeredBy(r.job))
	if r.job.State != tasks.Succeeded {
		p.line("  %s: %v", r.job.State, r.job.Error)
		return
	}
	var result analysis
	if err := json.Unmarshal(r.job.Result, &result); err != nil {
		return
	}
	p.line("  %s", strings.TrimSpace(cmp.Or(result.Level, result.Grade)+"  "+result.Summary))
	for _, a := range result.NextActions[:min(3, len(result.NextActions))] {
		p.line("  → %s (%s, %s)", a.What, a.Who, a.When)
	}
}

// times prints how long the jobs took, as their caller saw it.
func (p *printer) times(runs []*demoRun, took time.Duration) {
	var all []time.Duration
	for _, r := range runs {
		all = append(all, r.took)
	}
	slices.Sort(all)
	p.line("Times, submit to result: p50 %s, p99 %s; %s in %s",
		span(quantile(all, 0.50)), span(quantile(all, 0.99)), plural(len(runs), "job"), span(took))
}

// quantile returns the q-quantile of sorted values, by nearest rank.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(q*float64(len(sorted)) + 0.999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// candidates prints who answered how many jobs.
func (p *printer) candidates(runs []*demoRun) {
	counts := map[string]int{}
	for _, r := range runs {
		counts[answeredBy(r.job)]++
	}
	for _, who := range slices.Sorted(maps.Keys(counts)) {
		p.line("Answered by %s: %d", who, counts[who])
	}
}

// answeredBy names the candidate that answered, or the state if none did.
func answeredBy(j *tasks.Job) string {
	if j.State != tasks.Succeeded || len(j.Attempts) == 0 {
		return string(j.State)
	}
	who := j.Attempts[len(j.Attempts)-1].Candidate
	if j.Degraded {
		who += ", degraded"
	}
	return who
}
