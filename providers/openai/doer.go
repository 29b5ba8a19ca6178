package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// doer sends the requests of one call of go-openai. It adds body fields on the
// way out, and keeps what go-openai would lose on the way back. Not for
// concurrent use.
type doer struct {
	client *http.Client
	key    providers.Secret
	extra  map[string]any
	path   string // instead of chatPath; "": that

	failure error  // what the answer means, when it is a failure that go-openai cannot tell
	whole   []byte // an answer that is one JSON object though a stream was asked for
}

// chatPath is where go-openai sends questions, below the base URL.
const chatPath = "/chat/completions"

// Do implements go-openai's HTTPDoer.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if base, ok := strings.CutSuffix(req.URL.Path, chatPath); ok && d.path != "" {
		req.URL.Path = base + d.path
	}
	if err := d.addFields(req); err != nil {
		d.failure = providers.Errorf(providers.ClassBadRequest, "the request cannot be written as JSON").WithCause(err)
		return nil, d.failure
	}
	resp, err := outbound.Do(d.client, req, outbound.MaxAnswer)
	if err != nil {
		d.failure = err
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		d.failure = d.refusal(req.Context(), resp)
		return nil, d.failure
	}
	if req.Method == http.MethodPost {
		return d.expectStream(resp)
	}
	return resp, nil
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

// merge returns the object in body with the extra fields. Where body has none of
// them, as is usual, they are put behind its own, so that a long prompt need not
// be read again.
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

// refusal reads an answer whose status is not 200.
func (d *doer) refusal(ctx context.Context, resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, outbound.MaxError))
	if err != nil && ctx.Err() != nil {
		return providers.Canceled(ctx)
	}
	e := classify(resp.StatusCode, body, d.key)
	if e.Class.Policy().RetrySame {
		e.RetryAfter = outbound.RetryAfter(e.Class, resp.Header, e.Message, time.Now())
	}
	return e
}

// expectStream sets aside an answer that is plain JSON, which go-openai would
// read to its end as an empty stream: MiniMax reports errors so, and servers
// that cannot stream answer so.
func (d *doer) expectStream(resp *http.Response) (*http.Response, error) {
	in := bufio.NewReader(resp.Body)
	if !beginsObject(in) {
		resp.Body = readCloser{in, resp.Body}
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	whole, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	d.whole = whole
	return &http.Response{StatusCode: http.StatusOK, Header: resp.Header, Body: http.NoBody}, nil
}

// beginsObject reports whether the first character behind white space opens a
// JSON object. A reading error is left to who reads on.
func beginsObject(in *bufio.Reader) bool {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return false
		}
		if strings.IndexByte(" \t\r\n", b) < 0 {
			_ = in.UnreadByte()
			return b == '{'
		}
	}
}

// readCloser reads from one and closes the other.
type readCloser struct {
	io.Reader
	io.Closer
}

// verdict turns what go-openai returned into an error with a class; what the
// doer has seen itself comes first.
func (d *doer) verdict(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return providers.Canceled(ctx)
	}
	if d.failure != nil {
		return d.failure
	}
	return outbound.Fault(ctx, err)
}
