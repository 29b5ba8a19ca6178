package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// client calls Spillway's API. Copy client.go and events.go into your project.
type client struct {
	url, apiKey string
	http        *http.Client // without a Timeout: the context of each call bounds it
	tries       int          // of each request
}

// submission is what makes a job; the contract at /docs has its other fields.
type submission struct {
	Agent          string            `json:"agent"`
	Input          any               `json:"input"`
	Language       string            `json:"language,omitempty"`
	RunAt          string            `json:"run_at,omitempty"` // RFC 3339
	Metadata       map[string]string `json:"metadata,omitempty"`
	IdempotencyKey string            `json:"idempotency_key,omitempty"` // in a batch alone
}

// job is what we read of a job. A state we do not know is one to wait on.
type job struct {
	ID         string          `json:"id"`
	Agent      string          `json:"agent"`
	State      string          `json:"state"`
	Degraded   bool            `json:"degraded"` // the agent's rules answered, as no model could
	AnsweredBy string          `json:"answered_by"`
	Result     json.RawMessage `json:"result"`
	Error      *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (j *job) ended() bool {
	return j.State == "succeeded" || j.State == "failed" || j.State == "canceled"
}

// problem is an answer of 400 or more: application/problem+json (RFC 9457).
// Decide by Code, which never changes; show Detail to people; quote RequestID to
// the operator of Spillway.
type problem struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	retryAfter time.Duration // of 429 and 503
}

func (p *problem) Error() string {
	return fmt.Sprintf("%d %s: %s (request %s)", p.Status, p.Code, p.Detail, p.RequestID)
}

// submit makes a job, or returns the one that key has made before. Derive the key
// from your own data (a row and its version), so that a crash of yours between two
// tries makes no second job either. hold waits so long for the end of the job.
func (c *client) submit(ctx context.Context, s submission, key string, hold time.Duration) (*job, error) {
	header := http.Header{"Idempotency-Key": {strconv.Quote(key)}}
	if hold > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%.0f", hold.Seconds()))
	}
	j := new(job)
	_, err := c.do(ctx, http.MethodPost, "/jobs", header, s, j)
	return j, err
}

// wait returns the job when it has ended. Each request is held by the server until
// then, hold at most (55 s); If-None-Match saves the body when nothing has changed.
func (c *client) wait(ctx context.Context, j *job, hold time.Duration) (*job, error) {
	header := http.Header{"Prefer": {fmt.Sprintf("wait=%.0f", hold.Seconds())}}
	for !j.ended() {
		next := new(job)
		resp, err := c.do(ctx, http.MethodGet, "/jobs/"+j.ID, header, nil, next)
		if err != nil {
			return j, err
		}
		if resp.StatusCode != http.StatusNotModified {
			j = next
		}
		header.Set("If-None-Match", resp.Header.Get("ETag"))
		// A held request took its time. If the server was full it held none, and
		// Retry-After says when to ask again.
		if after := resp.Header.Get("Retry-After"); after != "" && resp.Header.Get("Preference-Applied") == "" {
			if err := sleep(ctx, seconds(after)); err != nil {
				return j, err
			}
		}
	}
	return j, nil
}

// cancel ends the job, even while it runs. The problem conflict means that it has
// ended otherwise.
func (c *client) cancel(ctx context.Context, id string) (*job, error) {
	j := new(job)
	_, err := c.do(ctx, http.MethodPost, "/jobs/"+id+"/cancel", nil, nil, j)
	return j, err
}

// outcome is what became of one submission of a batch: it has a job or a problem.
type outcome struct {
	Status  int      `json:"status"`
	Job     *job     `json:"job"`
	Problem *problem `json:"problem"`
}

// batch makes up to 1,000 jobs. Give each submission an IdempotencyKey.
func (c *client) batch(ctx context.Context, all []submission) ([]outcome, error) {
	var result struct {
		Outcomes []outcome `json:"outcomes"`
	}
	_, err := c.do(ctx, http.MethodPost, "/jobs/batch", nil, map[string]any{"jobs": all}, &result)
	return result.Outcomes, err
}

var nextPage = regexp.MustCompile(`<([^>]*)>; *rel="next"`) // RFC 8288

// jobs lists the jobs that match, the newest first, page after page.
func (c *client) jobs(ctx context.Context, filters url.Values) iter.Seq2[*job, error] {
	return func(yield func(*job, error) bool) {
		for path := "/jobs?" + filters.Encode(); path != ""; {
			var page struct {
				Data []*job `json:"data"`
			}
			resp, err := c.do(ctx, http.MethodGet, path, nil, nil, &page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, j := range page.Data {
				if !yield(j, nil) {
					return
				}
			}
			path = ""
			if m := nextPage.FindStringSubmatch(resp.Header.Get("Link")); m != nil {
				path = m[1]
			}
		}
	}
}

// do sends a request until it is answered, and reads the answer into out; the error
// is a *problem if it is refused. Nothing here does harm when it is sent again:
// reads, cancels, and submissions with their keys.
func (c *client) do(ctx context.Context, method, path string, header http.Header, in, out any) (*http.Response, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	for failures := 1; ; failures++ {
		resp, err := c.open(ctx, method, path, header, body)
		if err == nil {
			err = decode(resp, out)
		}
		if err == nil {
			return resp, nil
		}
		if err := c.pause(ctx, err, failures); err != nil {
			return nil, err
		}
	}
}

// open sends a request once. The caller closes the body.
func (c *client) open(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.apiKey != "" {
		req.Header.Set("Authorization", "Bearer "+c.apiKey)
	}
	resp, err := c.http.Do(req)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	defer resp.Body.Close()
	p := &problem{retryAfter: seconds(resp.Header.Get("Retry-After"))}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(p); err != nil {
		p.Code, p.Detail = "unknown", resp.Status // not from Spillway, but from something on the way
	}
	p.Status = resp.StatusCode
	return nil, p
}

// decode reads an answer to its end; 204 and 304 have none.
func decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	err := json.NewDecoder(resp.Body).Decode(out)
	if errors.Is(err, io.EOF) && (resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified) {
		return nil
	}
	return err
}

// pause waits until it is time for the next try. It returns the error if there is
// none: the tries are used up, or the answer will not change.
func (c *client) pause(ctx context.Context, err error, failures int) error {
	wait := time.Second << min(failures-1, 5)
	var p *problem
	if errors.As(err, &p) {
		if p.Status != http.StatusTooManyRequests && p.Status != http.StatusServiceUnavailable {
			return err
		}
		wait = p.retryAfter
	}
	if failures >= c.tries || ctx.Err() != nil {
		return err
	}
	jitter := rand.N(time.Second + wait/4) // so that not all come back at once
	return sleep(ctx, wait+jitter)
}

func seconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		n = 1
	}
	return time.Duration(n) * time.Second
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
