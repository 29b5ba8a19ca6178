package api

import (
	"bytes"
	"context"
	"net/http"
	"strings"

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
