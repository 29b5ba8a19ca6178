//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/tasks"
)

// follow reads the job's event stream to its end, over as many connections as
// it takes, each from where the one before was cut.
func (l *life) follow(ctx context.Context, id string) {
	s := history.Stream{ID: id}
	defer func() { l.note(func(j *history.Job) { j.Streams = append(j.Streams, s) }) }()
	for ctx.Err() == nil {
		over, err := l.connect(ctx, &s)
		if over {
			return
		}
		if !errors.Is(err, errLeft) {
			sleep(ctx, 200*time.Millisecond)
		}
	}
}

// errLeft says that the client left the stream of its own will.
var errLeft = errors.New("the client has left")

// connect reads one connection of the stream. It reports whether that was the
// last one.
func (l *life) connect(ctx context.Context, s *history.Stream) (over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	header := map[string]string{}
	if n := len(s.Events); n > 0 {
		header["Last-Event-ID"] = strconv.FormatInt(s.Events[n-1].Sequence, 10)
	}
	began := time.Now()
	api := l.client.api()
	resp, err := l.client.send(ctx, http.MethodGet, api+"/jobs/"+s.ID+"/events", nil, header)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }() // it may be cut off
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent:
		s.Closed = true
		return true, nil
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // for the history
		l.note(func(j *history.Job) {
			j.Reads = append(j.Reads, history.Request{
				At: began, Took: time.Since(began), API: api, ID: s.ID,
				Status: resp.StatusCode, Err: problem(text), Later: resp.Header.Get("Retry-After") != "",
			})
		})
		return resp.StatusCode == http.StatusNotFound, nil
	}
	err = l.receive(resp.Body, s)
	n := len(s.Events)
	s.Closed = errors.Is(err, io.EOF) && n > 0 && s.Events[n-1].Type.Terminal()
	return s.Closed, err
}

// receive reads events (WHATWG HTML §9.2) until the connection ends or the
// client's mood changes.
func (l *life) receive(body io.Reader, s *history.Stream) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxAnswer)
	var e history.Seen
	for count := 0; lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.Sequence, _ = strconv.ParseInt(value, 10, 64) // a bad one shows as a gap
		case "event":
			e.Type = tasks.EventType(value)
		case "":
			if e.Type == "" {
				continue // a comment, or the retry field
			}
			e.At = time.Now()
			s.Events = append(s.Events, e)
			e = history.Seen{}
			if count++; count == l.plan.leaveAfter {
				return errLeft
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}
