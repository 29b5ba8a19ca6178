package mockllm_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
)

// said is an error as it came over the wire, and what it was read as.
type said struct {
	class  providers.Class
	status int
	body   string
}

// recorder keeps the first request of a test and the last answer. One call at a
// time goes through it.
type recorder struct {
	next  http.RoundTripper
	first string
	last  said
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && r.first == "" {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.first = string(raw)
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(raw))
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	r.last.status = resp.StatusCode
	r.last.body = ""
	resp.Body = tee{resp.Body, r}
	return resp, nil
}

// tee keeps the beginning of a body on its way.
type tee struct {
	io.ReadCloser
	r *recorder
}

func (t tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if len(t.r.last.body) < 1000 {
		t.r.last.body = strings.TrimSpace(t.r.last.body + string(p[:n]))
	}
	return n, err
}

// means tells by which means the first request made the schema known.
func (r *recorder) means() string {
	var all []string
	switch {
	case strings.Contains(r.first, `"format":{`) && !strings.Contains(r.first, `"response_format"`):
		all = append(all, "`format`")
	case strings.Contains(r.first, `"json_schema"`):
		all = append(all, "`json_schema`")
	case strings.Contains(r.first, `"json_object"`):
		all = append(all, "`json_object`")
	}
	if strings.Contains(r.first, "JSON Schema") {
		all = append(all, "prompt")
	}
	if r.first == "" {
		return "rules"
	}
	return strings.Join(all, ", ")
}
