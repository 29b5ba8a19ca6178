package api

import (
	"context"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// The endpoint and the delivery of tenant acme, as the contract's examples name
// them.
const (
	fakeEndpoint = "ep_7j5hx2m4kq8w3n6v9t1y0z2c4d"
	fakeDelivery = "dlv_1795251631123_0"
)

// fakeWebhooks is Webhooks with one endpoint and a log of a few tries, which forgets
// what it is to change.
type fakeWebhooks struct{}

func newFakeWebhooks() fakeWebhooks { return fakeWebhooks{} }

func (fakeWebhooks) Endpoint(_ context.Context, tenant, id string) (*tasks.Endpoint, error) {
	if tenant != "acme" || id != fakeEndpoint {
		return nil, tasks.Errorf(tasks.CodeNotFound, "there is no such endpoint")
	}
	return &tasks.Endpoint{
		ID: id, Tenant: tenant, URL: "https://crm.example.com/hooks", Events: []tasks.EventType{tasks.EventSucceeded}, CreatedAt: time.Now().UTC(),
	}, nil
}

func (m fakeWebhooks) Endpoints(ctx context.Context, tenant string) ([]*tasks.Endpoint, error) {
	e, err := m.Endpoint(ctx, tenant, fakeEndpoint)
	if err != nil {
		return nil, nil //nolint:nilerr // a tenant without endpoints
	}
	return []*tasks.Endpoint{e}, nil
}

func (m fakeWebhooks) Register(ctx context.Context, _ string, d *tasks.EndpointDraft) (*tasks.Endpoint, error) {
	e, err := m.Endpoint(ctx, "acme", fakeEndpoint)
	if err == nil {
		e.URL, e.Secret = *d.URL, "whsec_secret"
	}
	return e, err
}

func (m fakeWebhooks) Change(ctx context.Context, tenant, id string, _ *tasks.EndpointDraft) (*tasks.Endpoint, error) {
	return m.Endpoint(ctx, tenant, id)
}

func (m fakeWebhooks) Remove(ctx context.Context, tenant, id string) error {
	_, err := m.Endpoint(ctx, tenant, id)
	return err
}

func (m fakeWebhooks) Rotate(ctx context.Context, tenant, id string, overlap time.Duration) (*tasks.Endpoint, error) {
	e, err := m.Endpoint(ctx, tenant, id)
	if err == nil {
		e.Secret, e.OldSecretEnd = "whsec_new", time.Now().UTC().Add(overlap)
	}
	return e, err
}

func (fakeWebhooks) Secret(_ context.Context, tenant string) (*tasks.SigningSecret, error) {
	return &tasks.SigningSecret{Tenant: tenant, Secret: "whsec_" + tenant, CreatedAt: time.Now().UTC()}, nil
}

func (m fakeWebhooks) RotateSecret(ctx context.Context, tenant string, overlap time.Duration) (*tasks.SigningSecret, error) {
	s, err := m.Secret(ctx, tenant)
	s.OldSecretEnd = time.Now().UTC().Add(overlap)
	return s, err
}

func (m fakeWebhooks) Test(ctx context.Context, tenant, id string) (string, error) {
	_, err := m.Endpoint(ctx, tenant, id)
	return "evt_test_1", err
}

func (m fakeWebhooks) Recover(ctx context.Context, tenant, id string, _, _ time.Time) (int, error) {
	_, err := m.Endpoint(ctx, tenant, id)
	return 3, err
}

func (fakeWebhooks) Delivery(_ context.Context, tenant, id string) (*tasks.Delivery, error) {
	if tenant != "acme" || id != fakeDelivery {
		return nil, tasks.Errorf(tasks.CodeNotFound, "there is no such delivery")
	}
	return &tasks.Delivery{
		ID: id, WebhookID: "evt_1_3", Endpoint: fakeEndpoint, Type: tasks.EventSucceeded, Host: "crm.example.com",
		Try: 1, Outcome: "timeout", At: time.Now().UTC(), DurationMS: 15000,
	}, nil
}

func (m fakeWebhooks) Deliveries(ctx context.Context, tenant string, f tasks.DeliveryFilter) ([]*tasks.Delivery, string, error) {
	d, err := m.Delivery(ctx, tenant, fakeDelivery)
	if err != nil || f.Before != "" {
		return nil, "", nil //nolint:nilerr // an empty log
	}
	return []*tasks.Delivery{d}, d.ID, nil
}

func (m fakeWebhooks) Redeliver(ctx context.Context, tenant, id string) (*tasks.Delivery, error) {
	return m.Delivery(ctx, tenant, id)
}
