// Package client talks to the HTTP API of a running Spillway as any other program
// would. It waits for a server that is unavailable for a while.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// Client talks to the HTTP API as any other program would. It is safe for
// concurrent use.
type Client struct {
	Base string
	Key  string // API key or token; "" for none
	HTTP *http.Client
	met  atomic.Bool // something answered there
}

// Submit posts a job.
func (c *Client) Submit(ctx context.Context, s *tasks.Submission) (*tasks.Job, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode submission: %w", err)
	}
	header := http.Header{}
	if s.IdempotencyKey != "" {
		header.Set("Idempotency-Key", quote(s.IdempotencyKey))
	}
	return c.job(ctx, http.MethodPost, "/jobs", body, header)
}

// quote writes s as RFC 8941 writes strings.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Get reads a job as it is now.
func (c *Client) Get(ctx context.Context, id string) (*tasks.Job, error) {
	return c.job(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id), nil, http.Header{})
}

// Cancel ends a job.
func (c *Client) Cancel(ctx context.Context, id string) (*tasks.Job, error) {
	return c.job(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/cancel", nil, http.Header{})
}

// Retry runs a job again that failed or was canceled.
func (c *Client) Retry(ctx context.Context, id string) (*tasks.Job, error) {
	return c.job(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/retry", nil, http.Header{})
}

func (c *Client) job(ctx context.Context, method, path string, body []byte, header http.Header) (*tasks.Job, error) {
	j, _, err := c.jobAndHeader(ctx, method, path, body, header)
	return j, err
}

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 64 << 20

func (c *Client) jobAndHeader(ctx context.Context, method, path string, body []byte, header http.Header) (*tasks.Job, http.Header, error) {
	resp, err := c.do(ctx, method, path, body, header)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, away{error: fmt.Errorf("the answer of %s broke off: %w", c.Base, err)}
	}
	var j tasks.Job
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, nil, fmt.Errorf("what answers at %s is not a Spillway: %w", c.Base, err)
	}
	return &j, resp.Header, nil
}

// do makes a request; an answer that is a problem becomes an error.
func (c *Client) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%q is not the URL of a Spillway: %w", c.Base, err)
	}
	req.Header = header
	if !providers.NewSecret(c.Key).Sendable() {
		return nil, errors.New("SPILLWAY_API_KEY: a key with a character that HTTP cannot send; want the key alone")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, away{error: fmt.Errorf("no Spillway answers at %s: %w; start one with \"spillway dev\", or say where it is with --server or SPILLWAY_URL", c.Base, err)}
	}
	c.met.Store(true)
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	err = problem(resp)
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		err = away{error: err, after: retryAfter(resp.Header)}
	}
	return nil, err
}

// retryAfter is how long the server wants to be left alone; 0 if it does not say.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
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

// Do makes a request and reads its answer into v.
func (c *Client) Do(ctx context.Context, method, path string, body []byte, v any) error {
	resp, err := c.do(ctx, method, path, body, http.Header{})
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
		return fmt.Errorf("the answer of %s cannot be read: %w", c.Base, err)
	}
	return nil
}
