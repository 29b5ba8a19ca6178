package egress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

const (
	// appendTime is how long a request waits for its line to be recorded.
	appendTime = 2 * time.Second
	// tryAgain is when it is worth asking again after the ledger could not be written.
	tryAgain = 5 * time.Second
)

// Appender records a line.
type Appender func(ctx context.Context, e tasks.Egress) error

// Transport returns a transport that records each request with a body before base
// sends it. The request's context must come from With: a request of which nobody
// says for whom it is made is refused, as is one that cannot be recorded. Requests
// without a body, such as for a list of models, take nothing away and are sent as
// they are.
func Transport(base http.RoundTripper, record Appender) http.RoundTripper {
	return &transport{base, record}
}

type transport struct {
	base   http.RoundTripper
	record Appender
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return t.base.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	req.Body.Close() //nolint:errcheck,gosec // it was read to its end, or is not sent
	if err != nil {
		return nil, err
	}
	if err := t.append(req, body); err != nil {
		return nil, err
	}
	out := req.Clone(req.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return t.base.RoundTrip(out)
}

// append records that a request is about to be sent.
func (t *transport) append(req *http.Request, body []byte) error {
	e, ok := req.Context().Value(contextKey{}).(tasks.Egress)
	if !ok {
		return notRecorded("the request does not say for which job it is made", nil)
	}
	digest := sha256.Sum256(body)
	e.Host, e.Bytes, e.SHA256 = req.URL.Host, int64(len(body)), hex.EncodeToString(digest[:])
	ctx, cancel := context.WithTimeout(req.Context(), appendTime)
	defer cancel()
	if err := t.record(ctx, e); err != nil {
		return notRecorded(fmt.Sprintf("the egress ledger cannot be written: %v", err), err)
	}
	return nil
}

// notRecorded is the refusal to send what is not in the ledger. It is an
// *providers.Error, so that every dialect returns it as it is, around a
// *providers.Refusal, so that nobody takes it for a failure of the provider.
func notRecorded(why string, cause error) error {
	refusal := &providers.Refusal{
		Reason: tasks.OutcomeNotRecorded, Message: why + ", so nothing was sent",
		RetryAfter: tryAgain, Condition: providers.Failing,
	}
	if cause == nil {
		refusal.RetryAfter, refusal.Condition = 0, providers.Lasting
	}
	return providers.Errorf(providers.ClassTransport, "%s", refusal.Message).WithCause(refusal)
}
