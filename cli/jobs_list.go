package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/tasks"
)

type jobsCommand struct {
	Ls jobsListCommand `cmd:"" help:"List jobs, the newest first."`
}

type jobsListCommand struct {
	server
	Filter []string `short:"f" placeholder:"NAME=VALUE" help:"Only jobs that match each of these, with commas between them."`
	Limit  int      `default:"100" help:"How many jobs at most."`
	JSON   bool     `name:"json" help:"Print each job as JSON, one a line."`
}

// Help gives the names and examples.
func (jobsListCommand) Help() string {
	return "The names are those of GET /jobs: " + strings.Join(filterNames(), ", ") + "; and since, which is how long ago a job\n" +
		"may have been made, e.g. 2h. state and metadata may be given several times: a job has one of the states, and all of the metadata.\n" +
		"tenant is for keys with admin:read. A comma within a value is written \\,\n\nExamples:\n" +
		"  spillway jobs ls --filter state=failed,agent=A03,since=2h\n" +
		"  spillway jobs ls --filter state=queued,state=running --json\n" +
		"  spillway jobs ls --filter metadata=opportunity_id:4711 --limit 10"
}

// filterNames are the parameters of GET /jobs that choose jobs.
func filterNames() []string {
	return []string{"agent", "answered_by", "created_after", "created_before", "degraded", "lane", "metadata", "model", "state", "tenant"}
}

// Run lists the jobs.
func (c jobsListCommand) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 {
		return errors.New("--limit must be 1 or more")
	}
	query, err := parseFilter(c.Filter, time.Now())
	if err != nil {
		return err
	}
	put := func(job json.RawMessage) error { return printJobLine(s, job) }
	if c.JSON {
		put = func(job json.RawMessage) error { return printJobJSON(s, job) }
	}
	more, err := eachJob(ctx, c.client(), query, c.Limit, put)
	if more {
		fmt.Fprintln(s.err, "There may be more; --limit says how many are listed.")
	}
	return err
}

// parseFilter returns the query of GET /jobs that the pairs of name and value
// stand for. The server checks the values.
func parseFilter(pairs []string, now time.Time) (url.Values, error) {
	query := url.Values{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		switch {
		case !found || value == "":
			return nil, fmt.Errorf("--filter %s: want name=value, e.g. state=failed", pair)
		case name == "since":
			age, err := time.ParseDuration(value)
			if err != nil || age <= 0 {
				return nil, fmt.Errorf("--filter %s: want a duration such as 90m or 12h", pair)
			}
			name, value = "created_after", now.Add(-age).UTC().Format(time.RFC3339)
		case !slices.Contains(filterNames(), name):
			return nil, fmt.Errorf("--filter %s: there is no %q; want since, %s", pair, name, strings.Join(filterNames(), ", "))
		}
		if query.Has(name) && name != "state" && name != "metadata" {
			return nil, fmt.Errorf("--filter %s: %s is given twice", pair, name)
		}
		query.Add(name, value)
	}
	return query, nil
}

// listPage is how many jobs are asked for at a time.
const listPage = 100

// eachJob calls each with the jobs that match the query, the newest first, at
// most limit of them. It reports whether there may be more. It changes query.
func eachJob(ctx context.Context, api *client.Client, query url.Values, limit int, each func(json.RawMessage) error) (more bool, err error) {
	p := client.Patience{Server: api} // with a rate that is spent, too
	for left := limit; left > 0; {
		query.Set("limit", strconv.Itoa(min(left, listPage)))
		var page struct {
			Data       []json.RawMessage
			NextCursor string `json:"next_cursor"`
		}
		if err := api.Do(ctx, http.MethodGet, "/jobs?"+query.Encode(), nil, &page); err != nil {
			if err := p.Pause(ctx, err, 0); err != nil {
				return false, err
			}
			continue
		}
		p.Since = time.Time{}
		for _, job := range page.Data[:min(left, len(page.Data))] {
			if err := each(job); err != nil {
				return false, err
			}
		}
		left -= len(page.Data)
		if page.NextCursor == "" {
			return false, nil
		}
		query.Set("cursor", page.NextCursor)
	}
	return true, nil
}

// printJobLine prints the job as a line of words.
func printJobLine(s streams, job json.RawMessage) error {
	var j tasks.Job
	if err := json.Unmarshal(job, &j); err != nil {
		return fmt.Errorf("read a job of the list: %w", err)
	}
	_, err := fmt.Fprintln(s.out, j.ID, j.Agent, j.State, cmp.Or(string(j.AnsweredBy), "-"), j.CreatedAt.Format(time.RFC3339))
	return err
}

// printJobJSON prints the job as the server wrote it, on one line.
func printJobJSON(s streams, job json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, job); err != nil {
		return fmt.Errorf("read a job of the list: %w", err)
	}
	_, err := fmt.Fprintln(s.out, line.String())
	return err
}
