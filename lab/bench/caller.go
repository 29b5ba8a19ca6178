//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// caller is one connection to the API. It takes as little of the machine as it
// can: what it takes is missing to what it measures.
type caller struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

func (w *world) call() (*caller, error) { return dial(w.api) }

func dial(addr string) (*caller, error) {
	conn, err := net.Dial("tcp", addr) //nolint:gosec // a server of our own
	if err != nil {
		return nil, fmt.Errorf("call the API: %w", err)
	}
	return &caller{conn: conn, r: bufio.NewReader(conn)}, nil
}

func (c *caller) close() { _ = c.conn.Close() }

// answer is a response that was read.
type answer struct {
	status int
	etag   string
	body   []byte
}

// send sends a request: a method and path, headers that each end their line, and
// a body.
func (c *caller) send(line, key, headers, body string) error {
	b := c.buf[:0]
	b = append(b, line...)
	b = append(b, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "...)
	b = append(append(b, key...), "\r\n"...)
	b = append(b, headers...)
	if body != "" {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	c.buf = append(append(b, "\r\n"...), body...)
	_, err := c.conn.Write(c.buf)
	return err
}

// ask makes a request, and reads the response.
func (c *caller) ask(line, key, headers, body string) (answer, error) {
	if err := c.send(line, key, headers, body); err != nil {
		return answer{}, err
	}
	return c.answer()
}

// answer reads a response. It understands what our API and the peer's send, and takes a third
// of the time of net/http's reader, which keeps every header.
func (c *caller) answer() (a answer, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return a, fmt.Errorf("an answer begins with %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("an answer begins with %q", line)
	}
	length, chunked := 0, false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return a, err
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch string(name) { // as Go writes them, and as Node does
		case "":
			return c.body(a, length, chunked)
		case "Content-Length", "content-length":
			length, err = strconv.Atoi(string(value))
		case "Transfer-Encoding", "transfer-encoding":
			chunked = true
		case "Etag":
			a.etag = string(value)
		}
		if err != nil {
			return a, fmt.Errorf("an answer has the header %q", line)
		}
	}
}

// body reads what follows the headers.
func (c *caller) body(a answer, length int, chunked bool) (answer, error) {
	if !chunked {
		a.body = make([]byte, length)
		_, err := io.ReadFull(c.r, a.body)
		return a, err
	}
	var err error
	if a.body, err = io.ReadAll(httputil.NewChunkedReader(c.r)); err != nil {
		return a, err
	}
	_, err = c.r.ReadSlice('\n') // the empty line after the last chunk
	return a, err
}

// job makes a request whose answer is a job.
func (c *caller) job(line, key, headers, body string) (j job, err error) {
	a, err := c.ask(line, key, headers, body)
	if err != nil {
		return j, err
	}
	if a.status >= http.StatusMultipleChoices {
		return j, fmt.Errorf("%s: status %d: %s", line, a.status, a.body)
	}
	return j, json.Unmarshal(a.body, &j)
}

// job is what the benchmarks read of a job.
type job struct {
	ID        string          `json:"id"`
	State     string          `json:"state"`
	StartedAt time.Time       `json:"started_at"`
	Result    json.RawMessage `json:"result"`
}

// opportunity is a submission for the scoring of opportunities; n makes it
// unlike the others. more are further members, with a comma before each.
func opportunity(n, more string) string {
	return `{"agent":"A02","input":{"opportunity":"Bench ` + n + `","customer":"Eastern Cold Chain","product":"WMS standard",` +
		`"client":"new","source":"online_form","competitors":"yes","budget_allocated":"no","purchasing_dept":"no",` +
		`"positive_statement":"neutral","scope":"low","needs_defined":"info_gathering","authority":"low","rfi":"yes",` +
		`"formal_tender":"yes","up_sale":"no","cross_sale":"no","client_attention":"first_deal"}` + more + `}`
}

// once is the header of a new idempotency key.
func once() string { return `Idempotency-Key: "` + uuid.NewString() + "\"\r\n" }

// work is what many did at once.
type work struct {
	rate  float64 // per second
	took  times
	spent map[string]time.Duration // of processor time each, by process
}

// together has n parties do something again and again for a while. each makes
// a party's step.
func together(n int, span time.Duration, each func(party int) (func() error, error)) (work, error) {
	steps := make([]func() error, n)
	for i := range steps {
		var err error
		if steps[i], err = each(i); err != nil {
			return work{}, err
		}
	}
	took := make([]times, n)
	failed := make(chan error, n)
	var all sync.WaitGroup
	var stop atomic.Bool
	began := time.Now()
	for i, step := range steps {
		all.Go(func() {
			for !stop.Load() {
				at := time.Now()
				if err := step(); err != nil {
					failed <- err
					return
				}
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	time.Sleep(span)
	stop.Store(true)
	all.Wait()
	long := time.Since(began)
	select {
	case err := <-failed:
		return work{}, err
	default:
	}
	var w work
	for _, t := range took {
		w.took = append(w.took, t...)
	}
	w.rate = float64(len(w.took)) / long.Seconds()
	return w, nil
}

// calling has callers of the API do something again and again.
func (w *world) calling(n int, span time.Duration, step func(c *caller) error) (did work, err error) {
	return w.callingAt(w.api, n, span, step)
}

// callingAt is calling for another server.
func (w *world) callingAt(addr string, n int, span time.Duration, step func(c *caller) error) (did work, err error) {
	done := w.meter()
	defer func() { did.spent = done(len(did.took)) }()
	var open []*caller
	defer func() {
		for _, c := range open {
			c.close()
		}
	}()
	return together(n, span, func(int) (func() error, error) {
		c, err := dial(addr)
		if err != nil {
			return nil, err
		}
		open = append(open, c)
		return func() error { return step(c) }, nil
	})
}
