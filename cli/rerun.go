package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/tasks"
)

type rerunCommand struct {
	server
	ID       []string      `arg:"" optional:"" help:"IDs of the jobs; without any, the flags choose among the jobs that have ended."`
	Degraded bool          `help:"Those that the scorecard answered because no model did."`
	State    string        `placeholder:"STATE" enum:",succeeded,failed,canceled" default:"" help:"Those that ended so: succeeded, failed or canceled."`
	Agent    string        `placeholder:"ID" help:"Those of this agent."`
	Lane     string        `placeholder:"LANE" enum:",local,cloud,scorecard" default:"" help:"Those whose last attempt was on this lane: local, cloud or scorecard."`
	Model    string        `placeholder:"MODEL" help:"Those that this model answered: provider/model, a model or a provider."`
	Tenant   string        `placeholder:"TENANT" help:"Those of another tenant, for keys with admin:write."`
	Since    time.Duration `placeholder:"DURATION" help:"Those made within this time, e.g. 12h."`
	Limit    int           `default:"1000" help:"How many jobs at most."`
	List     bool          `help:"List the jobs and run none."`
}

// Help gives examples.
func (rerunCommand) Help() string {
	return "Makes a new job of each, on the same input, and prints the old ID and the new one. A job that was run again within\n" +
		"the last day is not once more: its line has the job that was made then.\n\nExamples:\n" +
		"  spillway rerun job_0190…\n  spillway rerun --degraded --since 12h --list\n  spillway rerun --degraded --since 12h"
}

// rerunPage is how many jobs are run again by one request.
const rerunPage = 100

// Run runs the jobs again.
func (c rerunCommand) Run(ctx context.Context, s streams) error {
	filter := c.filter(time.Now())
	switch {
	case c.Limit < 1:
		return errors.New("--limit must be 1 or more")
	case len(c.ID) > 0 && (len(filter) > 0 || c.List):
		return errors.New("give either IDs or flags that choose jobs")
	case len(c.ID) > 0:
		return c.each(ctx, s)
	case len(filter) == 0:
		return errors.New("say which jobs: by their IDs, or with --degraded, --state, --agent, --lane, --model or --since")
	case c.List:
		return c.list(ctx, s, filter)
	}
	return c.all(ctx, s, filter)
}

// filter returns what the flags choose, as the API names it.
func (c rerunCommand) filter(now time.Time) map[string]any {
	f := map[string]any{}
	if c.Degraded {
		f["degraded"] = true
	}
	if c.Since > 0 {
		f["created_after"] = now.Add(-c.Since).UTC().Format(time.RFC3339)
	}
	for name, value := range map[string]string{"agent": c.Agent, "lane": c.Lane, "model": c.Model} {
		if value != "" {
			f[name] = value
		}
	}
	if c.State != "" {
		f["state"] = []string{c.State}
	}
	return f
}

// each runs the jobs again that are named.
func (c rerunCommand) each(ctx context.Context, s streams) error {
	api := c.client()
	var errs []error
	for _, id := range c.ID {
		var j tasks.Job
		if err := api.Do(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/rerun"+c.ofTenant(), nil, &j); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
			continue
		}
		fmt.Fprintln(s.out, id, j.ID, j.State)
	}
	return errors.Join(errs...)
}

// all runs again what the filter chooses.
func (c rerunCommand) all(ctx context.Context, s streams, filter map[string]any) error {
	api, refused, left := c.client(), 0, c.Limit
	p := client.Patience{Server: api} // with a rate that is spent, too
	for cursor := ""; left > 0; {
		wanted := map[string]any{"filter": filter, "limit": min(left, rerunPage)}
		if cursor != "" {
			wanted["cursor"] = cursor
		}
		body, err := json.Marshal(wanted)
		if err != nil {
			return err
		}
		var result struct {
			Outcomes []struct {
				Job     *tasks.Job
				Problem *struct{ Instance, Detail string }
			}
			NextCursor string `json:"next_cursor"`
		}
		if err := api.Do(ctx, http.MethodPost, "/jobs/rerun"+c.ofTenant(), body, &result); err != nil {
			if err := p.Pause(ctx, err, 0); err != nil {
				return err
			}
			continue
		}
		p.Since = time.Time{}
		for _, o := range result.Outcomes {
			switch {
			case o.Job != nil:
				fmt.Fprintln(s.out, o.Job.RerunOf, o.Job.ID, o.Job.State)
			case o.Problem != nil:
				refused++
				fmt.Fprintln(s.err, o.Problem.Instance+":", o.Problem.Detail)
			}
		}
		left -= len(result.Outcomes)
		if cursor = result.NextCursor; cursor == "" {
			break
		}
	}
	if refused > 0 {
		return fmt.Errorf("%s could not be run again", plural(refused, "job"))
	}
	return nil
}

// list prints what the filter chooses.
func (c rerunCommand) list(ctx context.Context, s streams, filter map[string]any) error {
	query := url.Values{"state": {cmp.Or(c.State, "succeeded,failed,canceled")}}
	for name, value := range filter {
		if name != "state" {
			query.Set(name, fmt.Sprint(value))
		}
	}
	if c.Tenant != "" {
		query.Set("tenant", c.Tenant)
	}
	_, err := eachJob(ctx, c.client(), query, c.Limit, func(job json.RawMessage) error { return printJobLine(s, job) })
	return err
}

// ofTenant returns the query that names another tenant, "" where none is meant.
func (c rerunCommand) ofTenant() string {
	if c.Tenant == "" {
		return ""
	}
	return "?tenant=" + url.QueryEscape(c.Tenant)
}
