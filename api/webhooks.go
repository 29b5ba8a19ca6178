package api

import (
	"context"
	"time"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// errNoWebhooks refuses webhooks in an installation that sends none.
var errNoWebhooks = tasks.Errorf(tasks.CodeConflict, "Webhooks are not set up here; ask the operator to set SPILLWAY_WEBHOOK_SECRET.")

// defaultOverlap is how long the secret before a rotation signs by default; the
// contract states it.
const defaultOverlap = 24 * time.Hour

// ListEndpoints lists the caller's endpoints.
func (s *server) ListEndpoints(ctx context.Context, _ spec.ListEndpointsRequestObject) (spec.ListEndpointsResponseObject, error) {
	all, err := s.webhooks.Endpoints(ctx, tenantOf(ctx))
	if err != nil {
		return nil, err
	}
	list := spec.ListEndpoints200JSONResponse{Endpoints: []tasks.Endpoint{}}
	for _, e := range all {
		list.Endpoints = append(list.Endpoints, *e)
	}
	return list, nil
}

// RegisterEndpoint makes an endpoint and shows its secret.
func (s *server) RegisterEndpoint(ctx context.Context, request spec.RegisterEndpointRequestObject) (spec.RegisterEndpointResponseObject, error) {
	e, err := s.webhooks.Register(ctx, tenantOf(ctx), request.Body)
	if err != nil {
		return nil, err
	}
	return spec.RegisterEndpoint201JSONResponse{
		Body:    *e,
		Headers: spec.RegisterEndpoint201ResponseHeaders{Location: "/webhooks/endpoints/" + e.ID},
	}, nil
}

// GetEndpoint shows an endpoint.
func (s *server) GetEndpoint(ctx context.Context, request spec.GetEndpointRequestObject) (spec.GetEndpointResponseObject, error) {
	e, err := s.webhooks.Endpoint(ctx, tenantOf(ctx), request.Endpoint)
	if err != nil {
		return nil, err
	}
	return spec.GetEndpoint200JSONResponse(*e), nil
}

// ChangeEndpoint changes the fields of an endpoint that are given.
func (s *server) ChangeEndpoint(ctx context.Context, request spec.ChangeEndpointRequestObject) (spec.ChangeEndpointResponseObject, error) {
	e, err := s.webhooks.Change(ctx, tenantOf(ctx), request.Endpoint, request.Body)
	if err != nil {
		return nil, err
	}
	return spec.ChangeEndpoint200JSONResponse(*e), nil
}

// RemoveEndpoint deletes an endpoint.
func (s *server) RemoveEndpoint(ctx context.Context, request spec.RemoveEndpointRequestObject) (spec.RemoveEndpointResponseObject, error) {
	if err := s.webhooks.Remove(ctx, tenantOf(ctx), request.Endpoint); err != nil {
		return nil, err
	}
	return spec.RemoveEndpoint204Response{}, nil
}

// RotateEndpoint gives an endpoint a new secret and shows it.
func (s *server) RotateEndpoint(ctx context.Context, request spec.RotateEndpointRequestObject) (spec.RotateEndpointResponseObject, error) {
	e, err := s.webhooks.Rotate(ctx, tenantOf(ctx), request.Endpoint, overlapOf(request.Body))
	if err != nil {
		return nil, err
	}
	return spec.RotateEndpoint200JSONResponse(*e), nil
}

// overlapOf returns how long the secret before a rotation signs.
func overlapOf(r *spec.Rotation) time.Duration {
	if r.OverlapSeconds == nil {
		return defaultOverlap
	}
	return r.OverlapSeconds.Std()
}

// GetSigningSecret shows the secret that signs the tenant's callbacks.
func (s *server) GetSigningSecret(ctx context.Context, _ spec.GetSigningSecretRequestObject) (spec.GetSigningSecretResponseObject, error) {
	secret, err := s.webhooks.Secret(ctx, tenantOf(ctx))
	if err != nil {
		return nil, err
	}
	return spec.GetSigningSecret200JSONResponse(*secret), nil
}

// RotateSigningSecret gives the tenant's callbacks a new secret and shows it.
func (s *server) RotateSigningSecret(ctx context.Context, request spec.RotateSigningSecretRequestObject) (spec.RotateSigningSecretResponseObject, error) {
	secret, err := s.webhooks.RotateSecret(ctx, tenantOf(ctx), overlapOf(request.Body))
	if err != nil {
		return nil, err
	}
	return spec.RotateSigningSecret200JSONResponse(*secret), nil
}

// TestEndpoint queues a test webhook.
func (s *server) TestEndpoint(ctx context.Context, request spec.TestEndpointRequestObject) (spec.TestEndpointResponseObject, error) {
	id, err := s.webhooks.Test(ctx, tenantOf(ctx), request.Endpoint)
	if err != nil {
		return nil, err
	}
	return spec.TestEndpoint202JSONResponse{WebhookID: id}, nil
}

// RecoverEndpoint queues again the webhooks that never arrived.
func (s *server) RecoverEndpoint(ctx context.Context, request spec.RecoverEndpointRequestObject) (spec.RecoverEndpointResponseObject, error) {
	until := request.Body.Until.Time
	if until.IsZero() {
		until = time.Now()
	}
	n, err := s.webhooks.Recover(ctx, tenantOf(ctx), request.Endpoint, request.Body.Since.Time, until)
	if err != nil {
		return nil, err
	}
	return spec.RecoverEndpoint202JSONResponse{Queued: n}, nil
}
