// Package outbound is what the wire dialects share when they call somebody
// else's server: answers that are bounded, drained and closed, faults of the
// transport told apart, Retry-After read in all its spellings, and foreign error
// texts made safe to show.
package outbound

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Limits on what is read from a server, in bytes. MaxAnswer is far beyond the
// longest answer that any job may ask for.
const (
	MaxAnswer = 16 << 20
	MaxError  = 64 << 10
)

// errorTime bounds how long the body of a failure is waited for: its status says
// most of it.
const errorTime = 2 * time.Second

// drainTime bounds how long Close waits for the rest of a body, which lets the
// connection serve again.
const drainTime = 250 * time.Millisecond

// Doer sends requests; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Do sends req with a context of its own below req's. The answer's body fails
// with an *providers.Error of class server after limit bytes; closing it drains
// what little is left and ends the context. Errors are those of Classify.
func Do(client Doer, req *http.Request, limit int64) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	resp, err := client.Do(req.WithContext(ctx))
	proxy := proxyFor(client, req)
	if err != nil {
		cancel()
		e := Classify(req.Context(), err)
		if proxy != "" && e.Class == providers.ClassTransport {
			e.Message += throughProxy(proxy)
		}
		return nil, e
	}
	plain, err := decompressed(resp)
	if err != nil {
		cancel()
		_ = resp.Body.Close()
		return nil, Classify(req.Context(), err)
	}
	resp.Body = &body{plain: plain, from: resp.Body, left: limit, cancel: cancel, proxy: proxy}
	return resp, nil
}

// body is a bounded response body.
type body struct {
	plain  io.Reader // what is read
	from   io.ReadCloser
	left   int64 // of plain
	cancel context.CancelFunc
	proxy  string // that it came through; "" for none
}

// Limit ends the call that an answer of Do belongs to after a time, unless stop
// is called before: reading its body then fails. Reset begins the time anew.
func Limit(b io.Reader, after time.Duration) (reset func(), stop func() bool) {
	ours, ok := b.(*body)
	if !ok {
		return func() {}, func() bool { return false }
	}
	timer := time.AfterFunc(after, ours.cancel)
	return func() { timer.Reset(after) }, timer.Stop
}

// errTooLong ends the reading of a body that never ends.
var errTooLong = providers.Errorf(providers.ClassServer, "the response exceeds the limit of 16 MiB")

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.plain.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Close drains for a moment only: a server that holds the line after its last
// word must not hold up the answer.
func (b *body) Close() error {
	stop := time.AfterFunc(drainTime, b.cancel)
	_, _ = io.CopyN(io.Discard, b.from, min(b.left, MaxError))
	stop.Stop()
	b.cancel()
	return b.from.Close()
}

// Classify says what an error while calling or reading means: canceled when ctx
// has ended, server when the answer could not be decoded, timeout when the
// client's own limit struck, transport otherwise. An error that has a class
// keeps it.
func Classify(ctx context.Context, err error) *providers.Error {
	if ctx.Err() != nil {
		return providers.Canceled(ctx)
	}
	if e, ok := errors.AsType[*providers.Error](err); ok {
		return e
	}
	if isDecodeError(err) {
		return providers.Errorf(providers.ClassServer, "the response could not be decoded").WithCause(err)
	}
	if timedOut(err) {
		return providers.Errorf(providers.ClassTimeout, "the server did not answer in time").WithCause(err)
	}
	return providers.Errorf(providers.ClassTransport, "%s", reason(err)).WithCause(err)
}

// isDecodeError reports whether err is that of a decoder.
func isDecodeError(err error) bool {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return true
	}
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || slices.ContainsFunc([]error{gzip.ErrHeader, gzip.ErrChecksum, zlib.ErrHeader, zlib.ErrChecksum, zlib.ErrDictionary}, func(bad error) bool { return errors.Is(err, bad) })
}

// timedOut reports whether err is a time limit that struck after a connection
// was made; failing to connect in time is a matter of transport.
func timedOut(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// reason tells why a call failed without its path or query, which may hold what
// is not for everyone.
func reason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "the connection closed before the response was complete"
	}
	u, ok := errors.AsType[*url.Error](err)
	if !ok {
		return Clean(err.Error())
	}
	host := "the server"
	if parsed, perr := url.Parse(u.URL); perr == nil && parsed.Host != "" {
		host = parsed.Host
	}
	return Clean(fmt.Sprintf("cannot reach %s: %v", host, u.Err))
}
