package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/tasks"
)

// Config configures a Sender.
type Config struct {
	Policy   Policy
	Timeouts Timeouts

	PerHost   int // deliveries of a tenant to one host at once, while it answers quickly; default 32
	PerTenant int // deliveries of a tenant at once; default 32
	AtOnce    int // deliveries at once; default 512

	Tracer trace.Tracer // begins a span for each try; default: none is recorded
}

// slowShare is the part of PerHost that a host has which is not quick.
const slowShare = 4

// Validate reports every problem with the configuration at once.
func (c Config) Validate() error {
	var errs []error
	for name, n := range map[string]int{"host": c.PerHost, "tenant": c.PerTenant, "process": c.AtOnce} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("webhook deliveries at once per %s must not be negative", name))
		}
	}
	return errors.Join(errs...)
}

// Sender posts signed webhooks. It is safe for concurrent use and holds nothing
// that must be closed.
//
// A host that does not answer holds each delivery for the total timeout. So that
// no host can hold all of them, a tenant has a limited number of deliveries in
// flight to a host, a single one while the host does not answer, and a limited
// number in all, which shrinks as more tenants are busy. A delivery beyond these
// limits waits when a slot is expected within a second, up to as many as AtOnce,
// and is otherwise Busy. Run twice as many deliveries as AtOnce, and none waits for
// another tenant's.
type Sender struct {
	policy  Policy
	client  *http.Client
	limiter *limiter
	tracer  trace.Tracer

	bodyTime time.Duration
}

// NewSender returns a Sender, or what Validate says of the configuration.
func NewSender(c Config) (*Sender, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Sender{
		policy:  c.Policy,
		client:  NewClient(c.Policy, c.Timeouts),
		limiter: newLimiter(c.limits()),
		tracer:  c.Tracer,

		bodyTime: cmp.Or(c.Timeouts.Body, 2*time.Second),
	}, nil
}

func (c Config) limits() limits {
	most := cmp.Or(c.PerHost, 32)
	return limits{start: max(most/slowShare, 1), most: most, tenant: cmp.Or(c.PerTenant, 32), all: cmp.Or(c.AtOnce, 512)}
}

// Delivery is one webhook on its way.
type Delivery struct {
	ID      string // the same for every try; without dots
	Tenant  string // that owns it
	URL     string
	Secrets []Secret    // that sign, at least one
	Body    []byte      // JSON; not changed
	Trace   tasks.Trace // what it is a part of; zero if none
}

// Deliver makes one try, within the total timeout and a second of waiting for a
// slot. Nothing is sent unsigned.
func (c *Sender) Deliver(ctx context.Context, d Delivery) Outcome {
	if len(d.Secrets) == 0 {
		return Outcome{Class: Unsigned, cause: ErrNoSecret}
	}
	// The policy may have become stricter since the job was accepted.
	if err := c.policy.CheckURL(d.URL); err != nil {
		return Outcome{Class: Forbidden, cause: err}
	}
	release, later := c.limiter.acquire(ctx, route{d.Tenant, hostOf(d.URL)})
	switch {
	case release == nil && ctx.Err() != nil:
		return Outcome{Class: Interrupted}
	case release == nil:
		return Outcome{Class: Busy, Later: later}
	}
	o, start := Outcome{Class: Interrupted}, time.Now()
	defer func() { release(o) }() // also when it panics
	o = c.traced(ctx, d)
	o.Took = time.Since(start)
	return o
}

// maxBody is how much of an answer's body is read, in bytes. Its content does
// not matter; reading a little lets a receiver finish writing.
const maxBody = 64 << 10

func (c *Sender) post(ctx context.Context, d Delivery) Outcome {
	var handshakeFailed atomic.Bool // set by a goroutine that may outlive the request
	traced, cancel := context.WithCancel(ctx)
	defer cancel()
	traced = httptrace.WithClientTrace(traced, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { handshakeFailed.Store(err != nil) },
	})
	r, err := http.NewRequestWithContext(traced, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return Outcome{Class: Forbidden, cause: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Spillway-Webhook")
	// Not sent: it lets net/http send a request again whose connection was closed
	// by the receiver meanwhile. A receiver that gets it twice sees the same ID.
	r.Header["Idempotency-Key"] = nil
	if d.Trace.Parent != "" {
		r.Header.Set(tasks.HeaderTraceParent, d.Trace.Parent) // alone: a tracestate is not the receiver's business
	}
	sign(r.Header, d.Secrets, d.ID, time.Now(), d.Body)

	resp, err := c.client.Do(r)
	if err != nil {
		return failed(ctx, err, handshakeFailed.Load())
	}
	defer time.AfterFunc(c.bodyTime, cancel).Stop()
	defer func() { _ = resp.Body.Close() }()
	o := answered(resp)
	o.Answer = beginning(resp.Body)
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // to use the connection again; the status is all that counts
	return o
}

// maxAnswer is how much of an answer's body the log keeps, in bytes.
const maxAnswer = 1 << 10

// beginning reads the first bytes of an answer, as valid text.
func beginning(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxAnswer)) // what came before an error is still worth keeping
	return strings.ToValidUTF8(string(b), "")
}

// hostOf returns the part of a URL that may be logged and counted by: host and
// port. Path and query often hold the receiver's own token.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
