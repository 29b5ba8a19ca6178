package fuzzapi

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/topcentral/spillway/lab/contract"
)

// hostile makes a request that no honest client sends.
func (r *round) hostile(op contract.Operation) *draft {
	d := r.valid(op)
	d.want = nil
	var noise []byte
	switch r.IntN(6) {
	case 0, 1:
		d.method = pick(r.Rand, []string{"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD", "BREW", "get", "PROPFIND", "CONNECTED", "M-SEARCH"})
		d.note("method %s", d.method)
	case 2:
		r.hostilePath(d)
	case 3:
		r.hostileQuery(d)
	case 4:
		r.hostileHeaders(d)
	default:
		if len(op.Bodies) == 0 { // a body where none is expected
			d.media, d.body = "application/json", []byte(pick(r.Rand, []string{"{}", "[", "\x00", strings.Repeat("x", 3*r.maxBody)}))
			d.note("a body of %d bytes", len(d.body))
			return d
		}
		for range 1 + r.IntN(25) {
			noise = binary.BigEndian.AppendUint64(noise, r.Uint64())
		}
		d.body = noise
		d.note("noise")
	}
	return d
}

func (r *round) hostilePath(d *draft) {
	d.note("path from %s", d.path)
	at := r.IntN(len(d.path)) + 1
	piece := pick(r.Rand, []string{
		"%2F", "%2f%2e%2e", "/", "//", "/..", "/../", "/.", "%00", "%ff", "%C0%AF", "%5C", ";x=y", ":", "*", "%20", "%", "%zz", "%E5%8F%B7",
		"%E2%80%AE", "\x01", "%3F", "%23", "@", "+", "~", "'", "<", "{id}", ":id", strings.Repeat("a", 8000), strings.Repeat("/a", 1000), strings.Repeat("%2e%2e%2f", 50),
	})
	switch r.IntN(7) {
	case 0:
		d.path = d.path[:at] + piece + d.path[at:]
	case 1:
		d.path += piece
	case 2:
		d.path += "/"
	case 3:
		d.path = strings.ToUpper(d.path)
	case 4:
		d.path = "http://" + pick(r.Rand, []string{"localhost", "evil.example", "[::1]", "localhost:1"}) + d.path
	case 5:
		last := strings.LastIndexByte(d.path, '/')
		d.path = d.path[:last+1] + piece
	default:
		if d.path == "/" { // has nothing to encode
			d.path += piece
			return
		}
		i := 1 + r.IntN(len(d.path)-1)
		d.path = d.path[:i] + fmt.Sprintf("%%%02x", d.path[i]) + d.path[i+1:]
	}
}

func (r *round) hostileQuery(d *draft) {
	d.note("query")
	names := []string{"x", "", "dry_run", "limit", "cursor", "state", "starting_after", "metadata", "id", "access_token", "limit[]", "__proto__"}
	values := []string{
		"%", "%zz", "%00", "%ff%fe", ";", "a;b", "&", "=", "==", "%26", strings.Repeat("9", 4000), "1&limit=2", "true", "[]", "%5B%5D", "%F0%9F%91%A9",
		"*", "%0d%0aX-Injected:1", "1%20", "+1", "0x1", "Inf", "true&dry_run=false",
	}
	for range 1 + r.IntN(4) {
		d.query = append(d.query, pair{pick(r.Rand, names), pick(r.Rand, values)})
	}
}

func (r *round) hostileHeaders(d *draft) {
	d.note("headers")
	full := "Bearer " + r.callers.Full
	all := []pair{
		{"X-Request-Id", strings.Repeat("a", 129)}, {"X-Request-Id", "a b"}, {"X-Request-Id", "<x>"}, {"X-Request-Id", "ok-1"}, {"X-Request-Id", "é"},
		{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-IP", "127.0.0.1"}, {"Forwarded", "for=127.0.0.1"}, {"X-Forwarded-Proto", "javascript"},
		{"X-HTTP-Method-Override", "DELETE"}, {"X-Original-URL", "/health"}, {"Accept", "text/html;q=0, */*;q=x"}, {"Accept", "application/xml"},
		{"Accept-Encoding", "gzip;q=1, *;q=0"}, {"Accept-Charset", "utf-16"}, {"Range", "bytes=0-0,5-"}, {"Expect", "100-continue"}, {"Expect", "x"}, {"Cookie", strings.Repeat("a=b;", 500)},
		{"If-None-Match", `*, "1", W/`}, {"If-None-Match", strings.Repeat(`"1",`, 1000)}, {"If-Match", `"0"`}, {"If-Modified-Since", "yesterday"},
		{"Idempotency-Key", `"a"`}, {"Idempotency-Key", `"b"`}, {"Idempotency-Key", strings.Repeat("k", 256)}, {"Idempotency-Key", `"é"`}, {"Idempotency-Key", `a, b`}, {"Idempotency-Key", ""},
		{"Last-Event-ID", "-1"}, {"Last-Event-ID", "9999999999999999999"}, {"Last-Event-ID", "1e3"}, {"Last-Event-ID", "999999999999999999"}, {"Last-Event-ID", ""},
		{"Prefer", `wait="`}, {"Prefer", "wait=1;wait=2"}, {"Prefer", strings.Repeat("a,", 3000)}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Access-Control-Request-Method", "PUT"}, {"Connection", "X-Request-Id"}, {"Upgrade", "websocket"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"},
		{"Content-Length", "5"}, {"Content-Length", "-1"}, {"Host", "evil.example"}, {"TE", "trailers"}, {"traceparent", "00-" + strings.Repeat("0", 32) + "-0-0"}, {"Content-Type", "text/plain"},
		{"Bad Name", "x"}, {"X-Nul", "a\x00b"}, {"X-Long", strings.Repeat("x", 20000)}, {"", "x"}, {"X-Fold", "a\r\n b"}, {"Authorization", full},
	}
	for range 1 + r.IntN(3) {
		p := pick(r.Rand, all)
		d.header = append(d.header, slices.Repeat([]pair{p}, 1+r.IntN(2))...)
	}
}
