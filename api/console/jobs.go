package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

const (
	// pageSize is how many jobs a page lists.
	pageSize = 25
	// shownEvents is how many events of a job are read.
	shownEvents = 1000
	// shownBytes is how much of an input or a result is shown.
	shownBytes = 64 << 10
)

// page returns what every page has, around content.
func (c *Console) page(w http.ResponseWriter, r *http.Request, section string, content any) page {
	query := r.URL.Query()
	query.Del("lang")
	path := r.URL.Path + "?"
	if encoded := query.Encode(); encoded != "" {
		path += encoded + "&"
	}
	p := page{Lang: languageOf(w, r), Other: english, Path: path, Section: section, MadeAt: time.Now(), Content: content, Write: mayChange(r)}
	if p.Lang == english {
		p.Other = chinese
	}
	return p
}

// mayChange reports whether the caller may change jobs of any tenant.
func mayChange(r *http.Request) bool {
	p := access.From(r.Context())
	return p.Can(access.AdminWrite) && p.Can(access.JobsWrite)
}

// listing is a page of jobs, and the filter that chose them.
type listing struct {
	Filter  url.Values
	Tenants []string
	Tenant  string
	States  []tasks.State
	Agents  []string
	Lanes   []tasks.Lane
	Jobs    []*tasks.Job
	Next    string // the query of the next page
}

// jobs lists jobs of a tenant.
func (c *Console) jobs(w http.ResponseWriter, r *http.Request) error {
	l := listing{Filter: r.URL.Query(), States: tasks.States(), Lanes: tasks.Lanes(), Agents: c.Agents()}
	p := c.page(w, r, "jobs", &l)
	var err error
	if l.Tenants, err = c.Jobs.Tenants(r.Context()); err != nil {
		return err
	}
	l.Tenant = l.Filter.Get("tenant")
	if l.Tenant == "" && len(l.Tenants) > 0 {
		l.Tenant = l.Tenants[0]
	}
	if id := strings.TrimSpace(l.Filter.Get("id")); id != "" {
		http.Redirect(w, r, Root+"/jobs/"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
	filter, err := filterOf(l.Filter)
	if err != nil {
		p.Problem = err.Error()
	} else if l.Tenant != "" {
		found, err := c.Jobs.List(r.Context(), l.Tenant, filter)
		if err != nil {
			return err
		}
		l.Jobs = found.Jobs
		if found.Next != "" {
			next := r.URL.Query()
			next.Set("before", found.Next)
			l.Next = "?" + next.Encode()
		}
	}
	return c.show(w, r, "jobs.html", p)
}

// filterOf reads a filter from a query. What is blank does not choose.
func filterOf(q url.Values) (f tasks.JobFilter, err error) {
	f = tasks.JobFilter{
		Agent: q.Get("agent"), Lane: tasks.Lane(q.Get("lane")), Model: strings.TrimSpace(q.Get("model")), Before: q.Get("before"), Limit: pageSize,
	}
	if s := tasks.State(q.Get("state")); s != "" {
		if !slices.Contains(tasks.States(), s) {
			return f, tasks.Errorf(tasks.CodeInvalid, "There is no state %q.", s)
		}
		f.States = []tasks.State{s}
	}
	if q.Get("degraded") != "" {
		f.Degraded = new(true)
	}
	if since := strings.TrimSpace(q.Get("since")); since != "" {
		d, err := time.ParseDuration(since)
		if err != nil || d <= 0 {
			return f, tasks.Errorf(tasks.CodeInvalid, "%q is no duration such as 2h.", since)
		}
		f.CreatedAfter = time.Now().Add(-d)
	}
	if pair := strings.TrimSpace(q.Get("metadata")); pair != "" {
		name, value, ok := strings.Cut(pair, ":")
		if !ok || name == "" {
			return f, tasks.Errorf(tasks.CodeInvalid, "Metadata must be name:value.")
		}
		f.Metadata = map[string]string{name: value}
	}
	return f, nil
}

// story is all that is known of a job.
type story struct {
	Job    *tasks.Job
	Input  json.RawMessage // as far as it is shown
	Result json.RawMessage
	Cut    bool // input or result is longer than what is shown
	Events []tasks.Event
	Text   string // the answer as far as it is generated
	Live   bool   // the job has not ended
	Acts   []string
}

// job shows a job.
func (c *Console) job(w http.ResponseWriter, r *http.Request) error {
	s, err := c.story(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.show(w, r, "job.html", c.page(w, r, "jobs", s))
}

// jobPart shows the part of the page that changes.
func (c *Console) jobPart(w http.ResponseWriter, r *http.Request) error {
	s, err := c.story(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.show(w, r, "job-part", c.page(w, r, "jobs", s))
}

// story reads a job, its input and its events.
func (c *Console) story(ctx context.Context, id string) (*story, error) {
	j, err := c.Jobs.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &story{Job: j, Result: j.Result, Live: !j.State.Terminal(), Acts: actsOn(j)}
	if s.Input, err = c.Jobs.Input(ctx, id); err != nil && tasks.CodeOf(err) != tasks.CodeNotFound {
		return nil, err
	}
	s.Input, s.Cut = shortened(s.Input, s.Cut)
	s.Result, s.Cut = shortened(s.Result, s.Cut)
	events, _, err := c.Jobs.Since(ctx, id, max(j.Sequence-shownEvents, 0), shownEvents)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Type != tasks.EventDelta {
			s.Events = append(s.Events, e)
		} else if e.Attempt == j.Attempt {
			s.Text += generated(e)
		}
	}
	return s, nil
}

// generated returns the piece of the answer that an event holds.
func generated(e tasks.Event) string {
	var data struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	return data.Text
}

func shortened(raw json.RawMessage, cut bool) (json.RawMessage, bool) {
	if len(raw) <= shownBytes {
		return raw, cut
	}
	return bytes.ToValidUTF8(raw[:shownBytes], nil), true
}

// The actions on a job.
const (
	actCancel = "cancel"
	actRetry  = "retry"
	actRerun  = "rerun"
)

// actsOn lists what may be done with a job in its state.
func actsOn(j *tasks.Job) []string {
	switch {
	case !j.State.Terminal():
		return []string{actCancel}
	case j.State == tasks.Succeeded:
		return []string{actRerun}
	}
	return []string{actRetry, actRerun}
}

// question is a page that asks before an action.
type question struct {
	Job    *tasks.Job
	Action string
}

// confirm asks whether an action is meant.
func (c *Console) confirm(w http.ResponseWriter, r *http.Request) error {
	j, err := c.Jobs.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	action := r.PathValue("action")
	if !slices.Contains([]string{actCancel, actRetry, actRerun}, action) {
		return tasks.Errorf(tasks.CodeNotFound, "Nothing exists at this path.")
	}
	return c.show(w, r, "confirm.html", c.page(w, r, "jobs", question{j, action}))
}

// act does it, and leads to the job.
func (c *Console) act(w http.ResponseWriter, r *http.Request) error {
	if !mayChange(r) {
		return tasks.Errorf(tasks.CodeForbidden, "This needs the scopes admin:write and jobs:write.")
	}
	ctx := r.Context()
	j, err := c.Jobs.Find(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	switch r.PathValue("action") {
	case actCancel:
		_, err = c.Jobs.Cancel(ctx, j.Tenant, j.ID)
	case actRetry:
		_, err = c.Jobs.Retry(ctx, j.Tenant, j.ID)
	case actRerun:
		j, _, err = c.Jobs.Rerun(ctx, j.Tenant, j.ID)
	default:
		return tasks.Errorf(tasks.CodeNotFound, "Nothing exists at this path.")
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, Root+"/jobs/"+url.PathEscape(j.ID), http.StatusSeeOther)
	return nil
}
