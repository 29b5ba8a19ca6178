package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Event is one message of a stream.
type Event struct {
	Name string // of the event; "" for none
	Data []byte // without the stream's own syntax; only until the next call of Next
	Cut  bool   // the stream ended within it
}

// Events reads a stream of server-sent events, and what servers send in place of
// one: JSON lines, one object or list on any number of lines, and bare JSON errors
// between events. Lines end in LF, CRLF or CR. Events that are complete JSON need
// not be separated by blank lines.
type Events struct {
	lines *bufio.Scanner
	begun bool

	name    string
	pending bytes.Buffer
	count   int  // lines in pending
	bare    bool // pending is JSON without "data:"
	ready   []Event
	stray   string // the first line that belongs to no event
}

// manyLines is the number of lines after which an event ends only at a blank line
// or at the end: checking after every line of a long text takes too long.
const manyLines = 64

// NewEvents returns a reader of r whose lines have at most longest bytes.
func NewEvents(r io.Reader, longest int) *Events {
	e := &Events{lines: bufio.NewScanner(r)}
	e.lines.Buffer(make([]byte, 0, min(4096, longest)), longest)
	e.lines.Split(anyLine())
	return e
}

// Next returns the next event that has data, and io.EOF at the end of the
// stream.
func (e *Events) Next() (Event, error) {
	for len(e.ready) == 0 {
		if !e.lines.Scan() {
			if err := e.lines.Err(); err != nil {
				return Event{}, err
			}
			if e.flush(); len(e.ready) == 0 {
				return Event{}, io.EOF
			}
			last := &e.ready[len(e.ready)-1]
			last.Cut = !whole(last.Data)
			break
		}
		line := e.lines.Bytes()
		if !e.begun {
			line, e.begun = bytes.TrimPrefix(line, bom), true
		}
		e.readLine(line)
	}
	next := e.ready[0]
	e.ready = e.ready[1:]
	return next, nil
}

// Stray returns the first line that belongs to no event, "" if there was none. It
// shows what the response is if it is not a stream.
func (e *Events) Stray() string { return e.stray }

// readLine reads one line.
func (e *Events) readLine(line []byte) {
	trimmed := bytes.TrimSpace(line)
	field, value, _ := bytes.Cut(trimmed, []byte(":"))
	switch name := string(bytes.ToLower(field)); {
	case len(trimmed) == 0:
		if !e.bare {
			e.flush()
			e.name = ""
		}
	case trimmed[0] == ':', name == "id", name == "retry":
	case name == "event":
		e.flush()
		e.name = string(bytes.TrimSpace(value))
	case name == "data":
		if e.bare || !isJSON(e.pending.Bytes()) || e.count <= manyLines && repairable(e.pending.Bytes()) {
			e.flush()
		}
		for again := true; again; { // proxies may wrap the lines of events in events
			value, again = bytes.CutPrefix(bytes.TrimSpace(value), []byte("data:"))
		}
		e.add(bytes.TrimSpace(value))
	case e.bare, isJSON(trimmed):
		if !e.bare {
			e.flush()
		}
		e.bare = true
		e.add(line)
	case e.stray == "":
		const enough = 200
		e.stray = string(trimmed[:min(len(trimmed), enough)])
	}
}

// add adds a line to the pending event, which is ready when it is whole.
func (e *Events) add(line []byte) {
	if e.pending.Len() > 0 {
		e.pending.WriteByte('\n')
	}
	e.pending.Write(line)
	if e.count++; e.count <= manyLines && whole(e.pending.Bytes()) {
		e.flush()
	}
}

// flush makes the pending event ready, if there is one.
func (e *Events) flush() {
	if data := bytes.TrimSpace(e.pending.Bytes()); len(data) > 0 {
		e.ready = append(e.ready, Event{Name: e.name, Data: bytes.Clone(data)})
	}
	e.pending.Reset()
	e.count, e.bare = 0, false
}

func isJSON(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// whole reports whether data is complete JSON, or the word that ends a stream.
func whole(data []byte) bool {
	return (Event{Data: data}).Done() || isJSON(data) && json.Valid(data)
}

// Done reports whether the event says that the stream is complete.
func (e Event) Done() bool {
	word := strings.ToUpper(strings.Trim(string(e.Data[:min(len(e.Data), 16)]), " \t\r\n\"[]"))
	return word == "DONE"
}

// anyLine splits at LF, CRLF and CR, without waiting for what follows a CR.
func anyLine() bufio.SplitFunc {
	afterCR := false
	searched := 0 // bytes of data without a line end, so that a long line is not searched again at every read
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		skip := 0
		if afterCR && len(data) > 0 && data[0] == '\n' {
			skip = 1
		}
		if len(data) > 0 {
			afterCR = false
		}
		from := max(skip, searched)
		searched = 0
		i := bytes.IndexAny(data[from:], "\r\n")
		switch {
		case i >= 0:
			i += from
			afterCR = data[i] == '\r'
			return i + 1, data[skip:i], nil
		case atEOF && len(data) > skip:
			return len(data), data[skip:], nil
		case atEOF:
			return len(data), nil, nil
		}
		searched = len(data) - skip
		return skip, nil, nil
	}
}

// IsLongLine reports whether an error of Next is about a line that is too long.
func IsLongLine(err error) bool { return errors.Is(err, bufio.ErrTooLong) }
