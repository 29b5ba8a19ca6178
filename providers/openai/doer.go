package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// doer sends the request that go-openai has written. It adds body fields to it,
// and keeps the response for our own reader, which accepts what go-openai would
// lose or reject. It is not safe for concurrent use.
type doer struct {
	client *http.Client
	key    providers.Secret
	extra  map[string]any
	path   string // instead of chatPath; "": that

	failure error         // why there is no answer; nil if there is one
	refused *serviceError // the error that the service responded with
	answer  io.ReadCloser // the caller's to close; nil when there is none
}

// chatPath is where go-openai sends questions, below the base URL.
const chatPath = "/chat/completions"

// Do implements go-openai's HTTPDoer.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if base, ok := strings.CutSuffix(req.URL.Path, chatPath); ok && d.path != "" {
		req.URL.Path = base + d.path
	}
	if err := d.addFields(req); err != nil {
		d.failure = providers.Errorf(providers.ClassBadRequest, "the request cannot be encoded as JSON").WithCause(err)
		return nil, d.failure
	}
	return d.send(req)
}

// send makes the call, and separates answers from failures.
func (d *doer) send(req *http.Request) (*http.Response, error) {
	resp, err := outbound.Do(d.client, req, outbound.MaxAnswer)
	if err != nil {
		d.failure = err
		return nil, err
	}
	if resp.StatusCode/100 != 2 || resp.StatusCode == http.StatusNoContent || outbound.BeginsPage(resp) {
		d.failure = d.refusal(req.Context(), resp)
		return nil, d.failure
	}
	d.answer = resp.Body
	return &http.Response{StatusCode: http.StatusOK, Header: resp.Header, Body: http.NoBody, Request: req}, nil
}

// addFields writes the extra fields over those in the body.
func (d *doer) addFields(req *http.Request) error {
	if req.Body == nil || len(d.extra) == 0 {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return fmt.Errorf("read the body back: %w", err)
	}
	_ = req.Body.Close()
	raw, err := d.merge(body)
	if err != nil {
		return err
	}
	req.Body = io.NopCloser(bytes.NewReader(raw))
	req.ContentLength = int64(len(raw))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	return nil
}

// merge returns the object in body with the extra fields. If body has none of
// them, as is usual, they are appended, so that a long prompt need not be decoded.
func (d *doer) merge(body []byte) ([]byte, error) {
	fields, err := json.Marshal(d.extra)
	if err != nil {
		return nil, fmt.Errorf("extra fields: %w", err)
	}
	body = bytes.TrimSpace(body)
	if own, ok := bytes.CutSuffix(body, []byte("}")); ok && len(own) > 1 && !d.mayHave(own) {
		return slices.Concat(own, []byte(","), fields[1:]), nil
	}
	var merged map[string]json.RawMessage
	if err := json.Unmarshal(body, &merged); err != nil {
		return nil, fmt.Errorf("read the body back: %w", err)
	}
	if err := json.Unmarshal(fields, &merged); err != nil {
		return nil, fmt.Errorf("extra fields: %w", err)
	}
	return json.Marshal(merged)
}

// mayHave reports whether one of the extra fields may be in an object already.
func (d *doer) mayHave(object []byte) bool {
	for name := range d.extra {
		if bytes.Contains(object, []byte(`"`+name+`":`)) {
			return true
		}
	}
	return false
}

// refusal reads a response that reports a failure.
func (d *doer) refusal(ctx context.Context, resp *http.Response) error {
	r, err := outbound.ReadFailure(ctx, resp)
	if err != nil {
		return err
	}
	if e := r.Intermediary(); e != nil {
		return e
	}
	f := parseError(r.Body, 0)
	d.refused = &f
	return r.Complete(newError(r.Status, f, d.key))
}

// callError returns the error of a call that go-openai failed to make. What the
// doer has seen itself takes precedence.
func (d *doer) callError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return providers.Canceled(ctx)
	}
	if d.failure != nil {
		return d.failure
	}
	return outbound.Classify(ctx, err)
}
