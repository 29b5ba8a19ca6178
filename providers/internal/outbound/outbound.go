// Package outbound is what the wire dialects share for calling model servers:
// response bodies that are bounded, drained and closed, a class for every failure
// of the transport, Retry-After in all its spellings, and error texts that are
// safe to show.
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

// errorTime bounds the wait for the body of a failure, since its status already
// says most.
const errorTime = 2 * time.Second

// drainTime bounds how long Close waits for the rest of a body, which lets the
// connection be reused.
const drainTime = 250 * time.Millisecond

// Doer sends requests; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Do sends req with a context derived from req's. Reading more than limit bytes
// of the response's body fails with a *providers.Error of class server; closing
// it drains what little is left and cancels the context. Errors are those of
// Classify.
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
	proxy  string // that the response came through; "" if none
}

// Limit cancels the call behind a response body of Do after a time, so that
// reading the body fails. Reset restarts the timer, stop stops it.
func Limit(b io.Reader, after time.Duration) (reset func(), stop func() bool) {
	ours, ok := b.(*body)
	if !ok {
		return func() {}, func() bool { return false }
	}
	timer := time.AfterFunc(after, ours.cancel)
	return func() { timer.Reset(after) }, timer.Stop
}

// errTooLong is the error of reading beyond the limit.
var errTooLong = providers.Errorf(providers.ClassServer, "the response exceeds the limit of 16 MiB")

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.plain.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Close drains only briefly: a server that keeps the connection open after its
// last byte must not delay the answer.
func (b *body) Close() error {
	stop := time.AfterFunc(drainTime, b.cancel)
	_, _ = io.CopyN(io.Discard, b.from, min(b.left, MaxError))
	stop.Stop()
	b.cancel()
	return b.from.Close()
}

// Classify returns err, from a call or from reading its response, as an Error:
// canceled if ctx has ended, server if the response could not be decoded, timeout
// if a time limit of the client expired, transport otherwise. An error that has a
// class keeps it.
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

// isDecodeError reports whether err comes from a JSON decoder or a decompressor.
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

// timedOut reports whether err is a timeout of an established connection. Failing
// to connect in time is a failure of the transport.
func timedOut(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// reason describes why a call failed, without path and query, which may hold
// secrets.
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
