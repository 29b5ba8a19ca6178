package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
)

type proveCommand struct {
	Tenant string   `placeholder:"TENANT" help:"What left of this tenant; without it, of all."`
	Since  string   `placeholder:"TIME" help:"From this time on: a day such as 2026-10-01 (in SPILLWAY_BUDGET_ZONE), a time such as 2026-10-01T08:00:00Z, or a duration such as 24h."`
	Until  string   `placeholder:"TIME" help:"Before this time."`
	JSON   bool     `name:"json" help:"Print JSON, with every request."`
	Logs   []string `arg:"" optional:"" name:"file" help:"Audit logs, one of each process that serves the API; full files beside them are found. Without any, SPILLWAY_AUDIT_FILE."`
}

// Help gives examples.
func (proveCommand) Help() string {
	return "Reads audit logs on this machine, verifies their chains, and prints what left for which cloud: every request that took a job's data\n" +
		"there has a line, which is written before the request is sent. It fails if a chain is broken, a line is missing, or data of\n" +
		"local_only jobs has left. A request is in the log a few seconds after it was sent. SPILLWAY_AUDIT_KEY must be the key that the logs were\n" +
		"written with, if they were with one.\n\nExamples:\n" +
		"  spillway prove --tenant acme --since 2026-10-01\n  spillway prove --since 24h --json /var/log/spillway/audit-1.jsonl /var/log/spillway/audit-2.jsonl"
}

// Run verifies the logs and prints what left.
func (c proveCommand) Run(s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	window, err := c.window(cfg.BudgetZone.Location, time.Now())
	if err != nil {
		return err
	}
	if len(c.Logs) == 0 && cfg.AuditFile != "" {
		c.Logs = []string{cfg.AuditFile}
	}
	if len(c.Logs) == 0 {
		return errors.New("name the audit logs of the processes that serve the API, or run this where SPILLWAY_AUDIT_FILE is set")
	}
	var logs [][]string
	for _, path := range c.Logs {
		files, err := audit.Files(path)
		if err != nil {
			return err
		}
		logs = append(logs, files)
	}
	proof, err := audit.Prove(logs, cfg.AuditKey, window)
	if err != nil {
		return err
	}
	if err := c.print(s.out, proof, window); err != nil {
		return err
	}
	return verdict(proof)
}

// verdict returns what is wrong with a proof.
func verdict(p *audit.Proof) error {
	var errs []error
	if err := p.Check(); err != nil {
		errs = append(errs, err)
	}
	for _, g := range p.Gaps {
		errs = append(errs, fmt.Errorf("requests %d to %d of series %s are in none of these logs: name the logs of all processes that serve the API; if these are all, lines were dropped from Redis before a process with an audit log had written them", g.First, g.Last, g.Series))
	}
	return errors.Join(errs...)
}

// window reads the flags.
func (c proveCommand) window(zone *time.Location, now time.Time) (w audit.Window, err error) {
	w.Tenant = c.Tenant
	if w.Since, err = readTime("--since", c.Since, zone, now); err != nil {
		return w, err
	}
	w.Until, err = readTime("--until", c.Until, zone, now)
	if err == nil && !w.Until.IsZero() && !w.Since.Before(w.Until) {
		err = errors.New("--since must be before --until")
	}
	return w, err
}

// readTime reads a day, a time, or a duration before now; "" is the zero time.
func readTime(flag, text string, zone *time.Location, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%s: %q is no day (2026-10-01), time (2026-10-01T08:00:00Z) or duration (24h)", flag, text)
}

// print prints a proof.
func (c proveCommand) print(w io.Writer, p *audit.Proof, window audit.Window) error {
	if c.JSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"tenant": window.Tenant, "since": window.Since, "until": window.Until,
			"requests": len(p.Lines), "local_only_left": p.Check() != nil, "lines": p.Lines, "gaps": p.Gaps,
		})
	}
	for i, l := range p.Logs {
		fmt.Fprintf(w, "%s: the chain of %s holds, the last hash is %s\n", c.Logs[i], plural(l.Lines, "line"), l.Hash)
	}
	whose := "all tenants"
	if window.Tenant != "" {
		whose = "tenant " + window.Tenant
	}
	fmt.Fprintf(w, "\nOf %s, %s left for a cloud.\n", whose, plural(len(p.Lines), "request"))
	if len(p.Lines) > 0 {
		fmt.Fprintln(w)
		if err := printEgress(w, p.Lines); err != nil {
			return err
		}
	}
	if p.Check() == nil {
		fmt.Fprintln(w, "\nOf jobs with privacy local_only nothing left.")
	}
	return nil
}

// printEgress prints requests by where they went and how they were masked.
func printEgress(w io.Writer, lines []tasks.Egress) error {
	type key struct{ provider, model, host, privacy string }
	type sum struct {
		requests int
		bytes    int64
		jobs     map[string]bool
		masked   map[string]int
	}
	rows := map[key]*sum{}
	for _, e := range lines {
		k := key{e.Provider, e.Model, e.Host, string(e.Privacy)}
		if rows[k] == nil {
			rows[k] = &sum{jobs: map[string]bool{}, masked: map[string]int{}}
		}
		r := rows[k]
		r.requests++
		r.bytes += e.Bytes
		r.jobs[e.Job] = true
		for kind, n := range e.Masked {
			r.masked[kind] += n
		}
	}
	keys := slices.SortedFunc(maps.Keys(rows), func(a, b key) int {
		return cmp.Or(strings.Compare(a.provider, b.provider), strings.Compare(a.model, b.model), strings.Compare(a.host, b.host), strings.Compare(a.privacy, b.privacy))
	})
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MODEL\tHOST\tPRIVACY\tREQUESTS\tJOBS\tBYTES\tMASKED")
	for _, k := range keys {
		r := rows[k]
		var masked []string
		for _, kind := range slices.Sorted(maps.Keys(r.masked)) {
			masked = append(masked, fmt.Sprintf("%s %d", kind, r.masked[kind]))
		}
		fmt.Fprintf(table, "%s/%s\t%s\t%s\t%d\t%d\t%d\t%s\n", k.provider, k.model, k.host, k.privacy, r.requests, len(r.jobs), r.bytes, cmp.Or(strings.Join(masked, ", "), "–"))
	}
	return table.Flush()
}
