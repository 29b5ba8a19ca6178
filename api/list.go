package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// ListJobs shows a page of the caller's jobs.
func (s *server) ListJobs(ctx context.Context, request spec.ListJobsRequestObject) (spec.ListJobsResponseObject, error) {
	filter, err := jobFilter(request.Params)
	if err != nil {
		return nil, err
	}
	tenant, err := jobReader{s, "listJobs"}.tenant(ctx, request.Params.Tenant, "/jobs")
	if err != nil {
		return nil, err
	}
	found, err := s.jobs.List(ctx, tenant, filter)
	if err != nil {
		return nil, err
	}
	page := spec.ListJobs200JSONResponse{Body: spec.JobList{Data: []tasks.Job{}, HasMore: found.Next != ""}}
	for _, j := range found.Jobs {
		page.Body.Data = append(page.Body.Data, shown(ctx, j))
	}
	if found.Next != "" {
		page.Body.NextCursor = encodeCursor(found.Next, filter)
		query := filterQuery(filter)
		query.Set("cursor", page.Body.NextCursor)
		if request.Params.Tenant != "" {
			query.Set("tenant", request.Params.Tenant)
		}
		page.Headers.Link = new(nextLink("/jobs", query))
	}
	return page, nil
}

// jobFilter returns the filter in the query of a list.
func jobFilter(p spec.ListJobsParams) (tasks.JobFilter, error) {
	f := tasks.JobFilter{
		Agent: p.Agent, CreatedAfter: p.CreatedAfter, CreatedBefore: p.CreatedBefore, Limit: cmp.Or(p.Limit, pageSize),
		Degraded: p.Degraded, AnsweredBy: p.AnsweredBy, Lane: p.Lane, Model: p.Model,
	}
	for _, word := range contract.SplitWords(texts(p.State)) {
		f.States = append(f.States, tasks.State(word))
	}
	for _, pair := range p.Metadata {
		name, value, ok := strings.Cut(pair, ":")
		if !ok || name == "" {
			return f, tasks.Errorf(tasks.CodeInvalid, "The parameter metadata must be name:value.")
		}
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		f.Metadata[name] = value
	}
	if p.Cursor == "" {
		return f, nil
	}
	var err error
	f.Before, err = decodeCursor(p.Cursor, f)
	return f, err
}

// filterQuery returns a filter as a query, without its cursor.
func filterQuery(f tasks.JobFilter) url.Values {
	q := url.Values{"agent": {f.Agent}, "limit": {strconv.Itoa(f.Limit)}, "state": {strings.Join(texts(f.States), ",")}}
	for name, value := range map[string]string{"answered_by": string(f.AnsweredBy), "lane": string(f.Lane), "model": f.Model} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Degraded != nil {
		q.Set("degraded", strconv.FormatBool(*f.Degraded))
	}
	for name, at := range map[string]time.Time{"created_after": f.CreatedAfter, "created_before": f.CreatedBefore} {
		if !at.IsZero() {
			q.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	for name, value := range f.Metadata {
		q.Add("metadata", name+":"+value)
	}
	slices.Sort(q["metadata"])
	if len(q["metadata"]) == 0 {
		delete(q, "metadata")
	}
	return q
}

func texts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

var errCursor = tasks.Errorf(tasks.CodeInvalid, "The cursor does not belong to these filters; start again without it.")

// encodeCursor returns a cursor after the job of that ID, bound to the filters.
func encodeCursor(id string, f tasks.JobFilter) string {
	return base64.RawURLEncoding.EncodeToString([]byte(id + " " + filterSum(f)))
}

func decodeCursor(cursor string, f tasks.JobFilter) (id string, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", errCursor
	}
	id, sum, _ := strings.Cut(string(text), " ")
	if sum != filterSum(f) || tasks.CheckID(id) != nil {
		return "", errCursor
	}
	return id, nil
}

// filterSum identifies filters; the size of a page may change from page to page.
func filterSum(f tasks.JobFilter) string {
	q := filterQuery(f)
	q.Del("limit")
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(q.Encode())))
}
