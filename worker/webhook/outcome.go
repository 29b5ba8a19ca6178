package webhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"code.dny.dev/ssrf"
)

// Class is the outcome of a delivery in one word. It is all that a tenant sees:
// classes are coarse so that they do not map our network.
type Class string

// The classes of outcomes.
const (
	Delivered   Class = "delivered"   // the receiver answered 2xx
	Gone        Class = "gone"        // it answered 410: it wants no further tries
	Rejected    Class = "rejected"    // it answered something else, redirects included
	Forbidden   Class = "forbidden"   // the policy lets no webhook go to such a URL, whatever its name resolves to
	TimedOut    Class = "timeout"     // no answer in time
	Insecure    Class = "tls"         // no trustworthy TLS connection
	Unsigned    Class = "unsigned"    // not sent: the secret that signs it cannot be opened
	Unreachable Class = "connection"  // no such name, no connection, none that the policy allows, or no HTTP answer
	Busy        Class = "busy"        // not sent: the tenant, or its receiver's host, has its share of deliveries in flight
	Interrupted Class = "interrupted" // canceled by us, on shutdown
)

// Outcome is the outcome of one delivery.
type Outcome struct {
	Class      Class
	Status     int           // of the answer; 0 if there was no valid one
	RetryAfter time.Duration // as the receiver asked; 0 if it did not
	Took       time.Duration
	Later      time.Duration // for Busy: when to try again
	Answer     string        // the beginning of the answer's body; not to be trusted

	cause error // for logs only; it may name addresses
}

// tried reports whether the receiver was asked, or could not be reached.
func (o Outcome) tried() bool {
	return o.Class != Interrupted && o.Class != Forbidden && o.Class != Unsigned
}

// silence reports whether the receiver did not answer.
func (o Outcome) silence() bool {
	return o.Class == TimedOut || o.Class == Unreachable || o.Class == Insecure
}

// overload reports whether a receiver, or a proxy before it, asks for less load.
func (o Outcome) overload() bool {
	switch o.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// answered classes an answer by its status.
func answered(r *http.Response) Outcome {
	o := Outcome{Class: Rejected, Status: r.StatusCode}
	switch {
	case r.StatusCode < 100 || r.StatusCode > 599:
		o.Status = 0 // not one of HTTP (RFC 9110 §15), and not one to pass on
	case r.StatusCode >= 200 && r.StatusCode < 300:
		o.Class = Delivered
	case r.StatusCode == http.StatusGone:
		o.Class = Gone
	default:
		o.RetryAfter = retryAfter(r.Header.Get("Retry-After"), time.Now())
	}
	return o
}

// failed classes the error of a request made under ctx. A TLS handshake fails
// with errors of many types, so the caller says whether it was the handshake.
func failed(ctx context.Context, err error, handshake bool) Outcome {
	// The outer error quotes the URL, and the URL may hold the receiver's token.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	o := Outcome{Class: Unreachable, cause: err}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		o.Class = Interrupted
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort):
		// As an unknown name: another class would show which internal names exist.
	case isTimeout(err):
		o.Class = TimedOut
	case handshake:
		o.Class = Insecure
	}
	return o
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// retryAfter reads the header of that name (RFC 9110 §10.2.3): seconds or a
// date. Anything else, and a date in the past, is 0; an overflow is maxWait.
func retryAfter(value string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return maxWait
	}
	if err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
