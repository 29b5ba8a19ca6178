package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Where the client commands find the API.
const (
	serverEnv     = "SPILLWAY_URL"
	defaultServer = "http://127.0.0.1:8080"
)

// server is the part of the command line that says which Spillway to talk to.
type server struct {
	Server string `env:"SPILLWAY_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Where the API is; by default what ${env} says, else ${default}."`
}

// client returns a client of that API.
func (s server) client() *client {
	return &client{base: strings.TrimRight(s.Server, "/"), http: http.DefaultClient}
}

// client talks to the HTTP API as any other program would.
type client struct {
	base string
	http *http.Client
}

// maxWait is the longest that one request is held for an answer.
const maxWait = 60 * time.Second

// submit posts a job and waits up to wait for its end.
func (c *client) submit(ctx context.Context, s *tasks.Submission, wait time.Duration) (*tasks.Job, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode submission: %w", err)
	}
	header := preferences(wait)
	if s.IdempotencyKey != "" {
		header.Set("Idempotency-Key", quote(s.IdempotencyKey))
	}
	return c.job(ctx, http.MethodPost, "/jobs", body, header)
}

// quote writes s as RFC 8941 writes strings.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// get reads a job, and waits up to wait for its end.
func (c *client) get(ctx context.Context, id string, wait time.Duration) (*tasks.Job, error) {
	return c.job(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id), nil, preferences(wait))
}

// await reads a job until it has ended.
func (c *client) await(ctx context.Context, id string) (*tasks.Job, error) {
	for {
		j, err := c.get(ctx, id, maxWait)
		if err != nil || j.State.Terminal() {
			return j, err
		}
	}
}

func (c *client) cancel(ctx context.Context, id string) (*tasks.Job, error) {
	return c.job(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/cancel", nil, http.Header{})
}

func (c *client) retry(ctx context.Context, id string) (*tasks.Job, error) {
	return c.job(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/retry", nil, http.Header{})
}

func (c *client) job(ctx context.Context, method, path string, body []byte, header http.Header) (*tasks.Job, error) {
	resp, err := c.do(ctx, method, path, body, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var j tasks.Job
	if err := json.NewDecoder(resp.Body).Decode(&j); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return &j, nil
}

// preferences returns headers that ask for an answer held back up to wait.
func preferences(wait time.Duration) http.Header {
	if wait <= 0 {
		return http.Header{}
	}
	return http.Header{"Prefer": {fmt.Sprintf("wait=%d", int(min(wait, maxWait).Seconds()))}}
}

// do makes a request; an answer that is a problem becomes an error.
func (c *client) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%q is not the URL of a Spillway: %w", c.base, err)
	}
	req.Header = header
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("no Spillway answers at %s: %w; start one with \"spillway dev\", or say where it is with --server or SPILLWAY_URL", c.base, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close() //nolint:errcheck // it was read
		return nil, problem(resp)
	}
	return resp, nil
}

// problem reads an RFC 9457 problem into an error with a line for each fault.
func problem(resp *http.Response) error {
	var p struct {
		Detail    string        `json:"detail"`
		RequestID string        `json:"request_id"`
		Errors    []tasks.Fault `json:"errors"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	lines := []string{fmt.Sprintf("%s (%s, request %s)", p.Detail, resp.Status, p.RequestID)}
	for _, f := range p.Errors {
		lines = append(lines, fmt.Sprintf("  %s: %s", f.Pointer, f.Detail))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// watch calls each with the job's events until the last one. It resumes where
// it was when the connection breaks.
func (c *client) watch(ctx context.Context, id string, each func(tasks.Event)) error {
	var last int64
	for {
		ended, err := c.follow(ctx, id, &last, each)
		if err != nil || ended == forGood {
			return err
		}
		if ended == aRun { // perhaps it was retried: the server knows
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// ending is how an event stream ended.
type ending int

const (
	halfway ending = iota // the connection broke
	aRun                  // with the event that ends a run of the job
	forGood               // the job has ended and no event is left
)

// follow reads one event stream.
func (c *client) follow(ctx context.Context, id string, last *int64, each func(tasks.Event)) (ended ending, err error) {
	path := fmt.Sprintf("/jobs/%s/events?starting_after=%d", url.PathEscape(id), *last)
	resp, err := c.do(ctx, http.MethodGet, path, nil, http.Header{"Accept": {"text/event-stream"}})
	if err != nil {
		return halfway, err
	}
	defer resp.Body.Close() //nolint:errcheck // a stream that broke is followed again
	if resp.StatusCode == http.StatusNoContent {
		return forGood, nil
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		var e tasks.Event
		if json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		each(e)
		*last, ended = e.Sequence, halfway
		if e.Type.Terminal() {
			ended = aRun
		}
	}
	return ended, nil
}
