package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// event is one entry of a job's own log.
type event struct {
	SequenceNumber int64           `json:"sequence_number"`
	Type           string          `json:"type"`
	Data           json.RawMessage `json:"data"`
}

// events follows a job from after the event with that number, 0 for all, until no
// event is left. Each comes once and in order: a connection that breaks is taken up
// where it broke off. To go on in another process, keep the number of the last one.
func (c *client) events(ctx context.Context, id string, after int64) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for failures := 0; ; {
			done, err := c.stream(ctx, id, after, func(e event) bool {
				after, failures = e.SequenceNumber, 0
				return yield(e, nil)
			})
			if done {
				return
			}
			if err == nil {
				continue // closed: ask again, since only a 204 means that nothing is left
			}
			failures++
			if err := c.pause(ctx, err, failures); err != nil {
				yield(event{}, err)
				return
			}
		}
	}
}

// silence is how long a stream may be quiet: the server sends a comment every 15 s.
const silence = time.Minute

// stream reads one connection. It is done when there is nothing left to read, or
// see has enough.
func (c *client) stream(ctx context.Context, id string, after int64, see func(event) bool) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()

	header := http.Header{"Last-Event-Id": {strconv.FormatInt(after, 10)}}
	resp, err := c.open(ctx, http.MethodGet, "/jobs/"+id+"/events", header, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent { // the job has ended, and we have all of it
		return true, nil
	}
	// An event is dispatched by the blank line after it; one that breaks off before
	// does not count.
	lines, data := bufio.NewReader(resp.Body), ""
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		watchdog.Reset(silence)
		if text, ok := strings.CutPrefix(line, "data:"); ok {
			data = text
		}
		if line != "\n" || data == "" {
			continue
		}
		var e event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return false, err
		}
		if data = ""; !see(e) {
			return true, nil
		}
	}
}
