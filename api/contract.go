package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
)

// requireWebhooks refuses what an installation without webhooks cannot do.
func (s *server) requireWebhooks(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if s.webhooks == nil && strings.HasPrefix(operationOf(r).Path, "/webhooks/") {
		return nil, errNoWebhooks
	}
	return r, nil
}

// checkQuery refuses queries that are not as the contract describes them.
func (*server) checkQuery(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
	return operationOf(r).CheckQuery(r)
}

// checkBody reads the body once, within limits of size and time, checks it, and
// leaves it to be read again.
func (s *server) checkBody(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	op := operationOf(r)
	limits := httpx.BodyLimits{Bytes: s.cfg.MaxBody, Time: s.cfg.RequestTimeout}
	switch {
	case !op.HasBody():
		return httpx.DiscardBody(w, r, limits), nil
	case op.ID == "submitBatch":
		limits.Bytes *= batchFactor
		return s.checkBatch(w, r, limits)
	}
	if err := contract.CheckMedia(r.Header); err != nil {
		return nil, err
	}
	raw, err := httpx.ReadBody(w, r, limits)
	if err != nil {
		return nil, err
	}
	return withBody(r, raw), op.CheckBody(raw)
}

// checkBatch reads a batch: one JSON object, or one per line.
func (*server) checkBatch(w http.ResponseWriter, r *http.Request, limits httpx.BodyLimits) (*http.Request, error) {
	media, ok := contract.MediaType(r.Header)
	lines := ok && media == contract.MediaLines
	if !lines {
		if err := contract.CheckMedia(r.Header); err != nil {
			return nil, err
		}
	}
	raw, err := httpx.ReadBody(w, r, limits)
	if err == nil && lines {
		raw, err = contract.BatchOfLines(raw)
	}
	if err != nil {
		return nil, err
	}
	return withBody(r, raw), operationOf(r).CheckBatch(raw)
}

// withBody returns r with a JSON body. The generated code knows the type by one
// spelling only.
func withBody(r *http.Request, raw []byte) *http.Request {
	r = r.WithContext(r.Context()) // a copy
	r.Header.Set("Content-Type", contract.MediaJSON)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return r
}

// OpenapiYAML shows the contract as it was written.
func (s *server) OpenapiYAML(context.Context, spec.OpenapiYAMLRequestObject) (spec.OpenapiYAMLResponseObject, error) {
	return spec.OpenapiYAML200ApplicationYamlResponse{
		Body:          bytes.NewReader(openapiYAML),
		ContentLength: int64(len(openapiYAML)),
	}, nil
}

// OpenapiJSON shows the contract as JSON.
func (s *server) OpenapiJSON(context.Context, spec.OpenapiJSONRequestObject) (spec.OpenapiJSONResponseObject, error) {
	return spec.OpenapiJSON200JSONResponse(s.contract.Document), nil
}
