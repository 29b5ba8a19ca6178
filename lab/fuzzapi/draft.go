package fuzzapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/topcentral/spillway/lab/contract"
)

// draft is a request as it grows.
type draft struct {
	op      contract.Operation
	how     []string // what was done to it, in words
	method  string
	path    string // as in the request line
	query   []pair // as they stand there
	header  []pair
	media   string // "": no body
	value   any    // the body before it is written
	body    []byte
	want    []int // the statuses that are right for a caller who may do this; none: any that the contract names
	cred    credential
	foreign bool // the path names what belongs to the first tenant
}

type pair struct{ name, value string }

// note says what was done.
func (d *draft) note(format string, args ...any) { d.how = append(d.how, fmt.Sprintf(format, args...)) }

func (d *draft) add(name, value string) { d.header = append(d.header, pair{name, value}) }

// write writes the value as the body.
func (d *draft) write() {
	if d.media == "" {
		return
	}
	if d.media == linesType {
		d.body = nil
		jobs, _ := contract.Map(d.value)["jobs"].([]any)
		for _, item := range jobs {
			d.body = append(append(d.body, text(item)...), '\n')
		}
		return
	}
	d.body = text(d.value)
}

// text writes a value as JSON, without escaping what need not be.
func text(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what makers make can be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

// wire is the request as it crosses the wire.
func (d *draft) wire() []byte {
	var b bytes.Buffer
	b.WriteString(d.method + " " + d.path)
	for i, q := range d.query {
		b.WriteString(string("?&"[min(i, 1)]) + q.name + "=" + q.value)
	}
	b.WriteString(" HTTP/1.1\r\nHost: localhost\r\n")
	for _, h := range d.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	if d.cred.header != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", d.cred.header)
	}
	if d.media != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", d.media)
	}
	if d.body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(d.body))
	}
	b.WriteString("\r\n")
	b.Write(d.body)
	return b.Bytes()
}

// waits reports whether the request asks for the answer to be held back.
func (d *draft) waits() bool {
	for _, h := range d.header {
		if strings.EqualFold(h.name, "Prefer") {
			return true
		}
	}
	return false
}

// escaped writes a text as a part of a query.
func escaped(s string) string { return url.QueryEscape(s) }
