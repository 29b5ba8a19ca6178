package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

const (
	// maxWait is the longest that one request is held for a job's end.
	maxWait = 55 * time.Second
	// betweenLooks is the shortest pause between two requests for one job.
	betweenLooks = 200 * time.Millisecond
	// latestLook is the longest pause that a server may ask for while it is there.
	latestLook = 15 * time.Second
	// BetweenStreams is the shortest pause before a broken stream is followed again.
	BetweenStreams = time.Second
	// longestSilence is how long a stream may be silent before it counts as
	// broken: the server sends something every 15 s.
	longestSilence = time.Minute
	// maxEvent is the longest event that is read, in bytes.
	maxEvent = 16 << 20
)

// Await reads a job until it has ended, even if the server is unavailable for a while.
func (c *Client) Await(ctx context.Context, id string) (*tasks.Job, error) {
	p := Patience{Server: c}
	for {
		asked := time.Now()
		j, header, err := c.jobAndHeader(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id), nil, http.Header{"Prefer": {fmt.Sprintf("wait=%.0f", maxWait.Seconds())}})
		if err == nil && j.State.Terminal() {
			return j, nil
		}
		pause := betweenLooks
		if time.Since(asked) < maxWait/2 { // the server holds no request now
			pause = max(pause, min(retryAfter(header), latestLook))
		}
		if err := p.Pause(ctx, err, pause); err != nil {
			return nil, err
		}
	}
}

// Watch calls each with the job's events until the last one. It resumes where it
// was when the connection breaks, and tries for a while to make a new one.
func (c *Client) Watch(ctx context.Context, id string, each func(tasks.Event)) error {
	var last int64
	p := Patience{Server: c}
	for {
		ended, err := c.follow(ctx, id, &last, each)
		switch ended {
		case forGood:
			return nil
		case aRun: // perhaps it was retried: the server knows
			continue
		}
		if err := p.Pause(ctx, err, BetweenStreams); err != nil {
			return err
		}
	}
}

// ending is how an event stream ended.
type ending int

const (
	halfway ending = iota // the connection broke, or there was none
	aRun                  // with the event that ends a run of the job
	forGood               // the job has ended and no event is left
)

// follow reads one event stream from the event after last, and keeps last up to
// date. That a stream broke is no error.
func (c *Client) follow(ctx context.Context, id string, last *int64, each func(tasks.Event)) (ended ending, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path := fmt.Sprintf("/jobs/%s/events?starting_after=%d", url.PathEscape(id), *last)
	resp, err := c.do(ctx, http.MethodGet, path, nil, http.Header{"Accept": {"text/event-stream"}})
	if err != nil {
		return halfway, err
	}
	defer resp.Body.Close() //nolint:errcheck // a stream that broke is followed again
	if resp.StatusCode == http.StatusNoContent {
		return forGood, nil
	}
	silence := time.AfterFunc(longestSilence, cancel)
	defer silence.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		silence.Reset(longestSilence)
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		var e tasks.Event
		if !ok || json.Unmarshal([]byte(data), &e) != nil || e.Sequence <= *last {
			continue
		}
		each(e)
		*last, ended = e.Sequence, halfway
		if e.Type.Terminal() {
			ended = aRun
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return halfway, fmt.Errorf("the event after number %d is longer than %d MiB", *last, maxEvent>>20)
	}
	return ended, nil
}
