package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config configures a Courier.
type Config struct {
	Policy   Policy
	Secrets  []Secret // that sign, at least one; more than one while they are rotated
	Timeouts Timeouts

	PerHost   int // deliveries to one host at once; default 8
	PerTenant int // deliveries of one tenant at once; default 16
}

// Validate reports every problem with the configuration at once.
func (c Config) Validate() error {
	var errs []error
	if len(c.Secrets) == 0 {
		errs = append(errs, errors.New("webhooks need a secret to sign with"))
	}
	for _, s := range c.Secrets {
		if s.IsZero() {
			errs = append(errs, errors.New("a webhook secret is empty"))
		}
	}
	if c.PerHost < 0 || c.PerTenant < 0 {
		errs = append(errs, errors.New("webhook deliveries per host and per tenant must not be negative"))
	}
	return errors.Join(errs...)
}

// Courier posts signed webhooks. It is safe for concurrent use and holds
// nothing that must be closed.
//
// A host that does not answer holds each delivery for the total timeout. So
// that it cannot hold all of them, a host has a small number of deliveries at
// once, and only one while it does not answer; so has a tenant, whatever the
// number of its hosts. What goes beyond is turned away as Busy at once, not
// queued. Run many times as many deliveries as those numbers.
type Courier struct {
	policy  Policy
	secrets []Secret
	client  *http.Client
	places  *places
}

// NewCourier returns a Courier, or what Validate says of the configuration.
func NewCourier(c Config) (*Courier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Courier{
		policy:  c.Policy,
		secrets: c.Secrets,
		client:  NewClient(c.Policy, c.Timeouts),
		places:  newPlaces(cmp.Or(c.PerHost, 8), cmp.Or(c.PerTenant, 16)),
	}, nil
}

// Delivery is one webhook on its way.
type Delivery struct {
	ID      string // the same for every try; without dots
	Tenant  string // whose it is
	URL     string
	Secrets []Secret // that sign; none: the courier's own
	Body    []byte   // JSON; not changed
}

// Deliver makes one try, within the total timeout.
func (c *Courier) Deliver(ctx context.Context, d Delivery) Outcome {
	start := time.Now()
	o := c.deliver(ctx, d)
	o.Took = time.Since(start)
	return o
}

func (c *Courier) deliver(ctx context.Context, d Delivery) Outcome {
	// The policy may have become stricter since the job was accepted.
	if err := c.policy.CheckURL(d.URL); err != nil {
		return Outcome{Class: Forbidden, cause: err}
	}
	host := hostOf(d.URL)
	leave, ok := c.places.take(d.Tenant, host)
	if !ok {
		return Outcome{Class: Busy}
	}
	o := c.post(ctx, d)
	leave(o)
	return o
}

// maxBody is how much of an answer's body is read, in bytes. Its content does
// not matter; reading a little lets a receiver finish writing.
const maxBody = 64 << 10

func (c *Courier) post(ctx context.Context, d Delivery) Outcome {
	var handshakeFailed atomic.Bool // told by a goroutine that may outlive the request
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { handshakeFailed.Store(err != nil) },
	})
	r, err := http.NewRequestWithContext(traced, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return Outcome{Class: Forbidden, cause: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Spillway-Webhook")
	secrets := d.Secrets
	if len(secrets) == 0 {
		secrets = c.secrets
	}
	sign(r.Header, secrets, d.ID, time.Now(), d.Body)

	resp, err := c.client.Do(r)
	if err != nil {
		return failed(ctx, err, handshakeFailed.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	o := answered(resp)
	o.Answer = beginning(resp.Body)
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // the status has said it all
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
