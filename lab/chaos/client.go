//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/tasks"
)

// client speaks to the APIs as a careful caller does, and notes every answer.
type client struct {
	http *http.Client
	urls []string
	key  string        // API key
	next atomic.Uint64 // turns from one API to the next
}

func newClient(urls []string, key string) *client {
	transport := &http.Transport{MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute}
	return &client{http: &http.Client{Transport: transport}, urls: urls, key: key}
}

// api picks the API to ask next.
func (c *client) api() string {
	return c.urls[c.next.Add(1)%uint64(len(c.urls))]
}

const (
	// answerWithin bounds a request, in addition to the wait that it asks for.
	answerWithin = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 4 << 20
)

// ask makes one request about a job and returns what came of it.
func (c *client) ask(ctx context.Context, method, path string, body []byte, header map[string]string, within time.Duration) history.Request {
	note, text := c.fetch(ctx, method, path, body, header, within)
	if note.OK() {
		if err := readJob(text, &note); err != nil {
			note.Status, note.Err = 0, err.Error()
		}
	}
	return note
}

// fetch makes one request and returns what came of it, with the answer's body.
func (c *client) fetch(ctx context.Context, method, path string, body []byte, header map[string]string, within time.Duration) (history.Request, []byte) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	api := c.api()
	note := history.Request{At: time.Now(), API: api}
	var text []byte
	resp, err := c.send(ctx, method, api+path, body, header)
	if err == nil {
		note.Status = resp.StatusCode
		note.Later = resp.Header.Get("Retry-After") != ""
		note.Replayed = resp.Header.Get("Idempotent-Replayed") == "true"
		text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		_ = resp.Body.Close() // it was read
	}
	switch {
	case err != nil:
		note.Status, note.Err = 0, err.Error()
	case !note.OK():
		note.Err = problem(text)
	}
	note.Took = time.Since(note.At)
	return note, text
}

func (c *client) send(ctx context.Context, method, url string, body []byte, header map[string]string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body)) //nolint:gosec // an API of our own
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return c.http.Do(r) //nolint:gosec // an API of our own
}

// problem sums up the body of an answer that grants nothing.
func problem(body []byte) string {
	var p struct{ Code, Detail string }
	if json.Unmarshal(body, &p) == nil && p.Code != "" {
		return p.Code + ": " + p.Detail
	}
	return string(body[:min(len(body), 500)])
}

// readJob reads the job of an answer.
func readJob(body []byte, note *history.Request) error {
	var job struct {
		ID       string      `json:"id"`
		State    tasks.State `json:"state"`
		Sequence int64       `json:"sequence_number"`
	}
	if err := json.Unmarshal(body, &job); err != nil {
		return err
	}
	note.ID, note.State, note.Sequence = job.ID, job.State, job.Sequence
	return nil
}
