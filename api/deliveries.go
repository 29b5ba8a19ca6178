package api

import (
	"cmp"
	"context"
	"net/url"
	"strconv"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// pageSize is the default size of a page of a list.
const pageSize = 20

// ListDeliveries shows a page of the log of deliveries.
func (s *server) ListDeliveries(ctx context.Context, request spec.ListDeliveriesRequestObject) (spec.ListDeliveriesResponseObject, error) {
	p := request.Params
	filter := tasks.DeliveryFilter{
		Endpoint: p.Endpoint, JobID: p.Job, Outcome: string(p.Outcome), Before: p.Cursor, Limit: cmp.Or(p.Limit, pageSize),
	}
	found, next, err := s.webhooks.Deliveries(ctx, tenantOf(ctx), filter)
	if err != nil {
		return nil, err
	}
	page := spec.ListDeliveries200JSONResponse{Body: spec.DeliveryList{Data: []tasks.Delivery{}, HasMore: next != "", NextCursor: next}}
	for _, d := range found {
		page.Body.Data = append(page.Body.Data, *d)
	}
	if next != "" {
		page.Headers.Link = new(nextLink("/webhooks/deliveries", url.Values{
			"endpoint": {p.Endpoint}, "job": {p.Job}, "outcome": {string(p.Outcome)},
			"limit": {strconv.Itoa(filter.Limit)}, "cursor": {next},
		}))
	}
	return page, nil
}

// nextLink is the value of a Link header that leads to the next page (RFC 8288).
func nextLink(path string, query url.Values) string {
	for name, values := range query {
		if values[0] == "" {
			delete(query, name)
		}
	}
	return "<" + path + "?" + query.Encode() + `>; rel="next"`
}

// GetDelivery shows one delivery.
func (s *server) GetDelivery(ctx context.Context, request spec.GetDeliveryRequestObject) (spec.GetDeliveryResponseObject, error) {
	d, err := s.webhooks.Delivery(ctx, tenantOf(ctx), request.Delivery)
	if err != nil {
		return nil, err
	}
	return spec.GetDelivery200JSONResponse(*d), nil
}

// Redeliver queues the webhook of a delivery again.
func (s *server) Redeliver(ctx context.Context, request spec.RedeliverRequestObject) (spec.RedeliverResponseObject, error) {
	d, err := s.webhooks.Redeliver(ctx, tenantOf(ctx), request.Delivery)
	if err != nil {
		return nil, err
	}
	return spec.Redeliver202JSONResponse(*d), nil
}
