package endpoints

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

const (
	// logKept and logTries bound a tenant's log of tries.
	logKept  = 30 * 24 * time.Hour
	logTries = 10_000
	// logScan is how many tries one question looks through at most.
	logScan = 2_000
	// logBatch is how many tries are read at a time.
	logBatch = 500
	// deliveryPrefix marks the IDs of tries; the rest is the place in the stream.
	deliveryPrefix = "dlv_"
)

// entry is a try as the log keeps it.
type entry struct {
	tasks.Delivery
	Notice json.RawMessage `json:"notice"`
}

// log appends a try to the tenant's log, and gives it its ID. Of an endpoint that
// answers it forgets, in the same round trip, that it has failed.
func (reg *Registry) log(ctx context.Context, tenant string, d *tasks.Delivery) error {
	body, err := json.Marshal(entry{Delivery: *d, Notice: d.Notice})
	if err != nil {
		return fmt.Errorf("encode delivery: %w", err)
	}
	var added *redis.StringCmd
	_, err = reg.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		added = p.XAdd(ctx, &redis.XAddArgs{Stream: triesKey(tenant), MaxLen: logTries, Approx: true, Values: []any{"try", body}})
		p.PExpire(ctx, triesKey(tenant), logKept)
		if d.Endpoint != "" && webhook.Class(d.Outcome) == webhook.Delivered {
			p.HDel(ctx, failingKey(tenant), d.Endpoint)
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	d.ID = deliveryID(added.Val())
	return nil
}

func deliveryID(stream string) string { return deliveryPrefix + strings.ReplaceAll(stream, "-", "_") }

// streamID is the stream entry of a try, "" if id is none.
func streamID(id string) string {
	ms, seq, ok := strings.Cut(strings.TrimPrefix(id, deliveryPrefix), "_")
	if !ok || !strings.HasPrefix(id, deliveryPrefix) || strings.Trim(ms, "0123456789") != "" || strings.Trim(seq, "0123456789") != "" ||
		ms == "" || seq == "" || len(ms) > 18 || len(seq) > 18 {
		return ""
	}
	return ms + "-" + seq
}

// Deliveries lists a tenant's tries, the newest first. Those that follow come with
// next as the filter's Before; next is "" at the end of the log. A page may have
// less than was asked for and still be followed by another: a filter looks through
// a bounded number of tries at a time.
func (reg *Registry) Deliveries(ctx context.Context, tenant string, f tasks.DeliveryFilter) (found []*tasks.Delivery, next string, err error) {
	from := "+"
	if f.Before != "" {
		p := streamID(f.Before)
		if p == "" {
			return nil, "", tasks.Errorf(tasks.CodeInvalid, "the cursor is not one that was given")
		}
		from = "(" + p
	}
	for range logScan / logBatch {
		msgs, err := reg.rdb.XRevRangeN(ctx, triesKey(tenant), from, "-", logBatch).Result()
		if err != nil {
			return nil, "", unavailable(err)
		}
		for _, m := range msgs {
			from, next = "("+m.ID, deliveryID(m.ID)
			d, ok := decodeTry(m)
			if !ok || !chosen(f, d) {
				continue
			}
			found = append(found, d)
			if len(found) == f.Limit {
				return found, next, nil
			}
		}
		if len(msgs) < logBatch {
			return found, "", nil
		}
	}
	return found, next, nil
}

func chosen(f tasks.DeliveryFilter, d *tasks.Delivery) bool {
	return (f.Endpoint == "" || f.Endpoint == d.Endpoint) && (f.JobID == "" || f.JobID == d.JobID) && (f.Outcome == "" || f.Outcome == d.Outcome)
}

// Delivery returns one try of a tenant. CodeNotFound if it is not in the log.
func (reg *Registry) Delivery(ctx context.Context, tenant, id string) (*tasks.Delivery, error) {
	p := streamID(id)
	if p == "" {
		return nil, noDelivery()
	}
	msgs, err := reg.rdb.XRangeN(ctx, triesKey(tenant), p, p, 1).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	if len(msgs) == 1 {
		if d, ok := decodeTry(msgs[0]); ok {
			return d, nil
		}
	}
	return nil, noDelivery()
}

func noDelivery() error {
	return tasks.Errorf(tasks.CodeNotFound, "there is no such delivery; the log keeps 30 days and the last 10,000 tries")
}

// Undelivered lists the last try of each webhook of an endpoint that was tried
// in a span of time and never delivered since it began, the oldest first.
func (reg *Registry) Undelivered(ctx context.Context, tenant, endpoint string, since, until time.Time) ([]*tasks.Delivery, error) {
	last := map[string]*tasks.Delivery{} // by webhook ID
	var order []string
	from := strconv.FormatInt(since.UnixMilli(), 10)
	for {
		msgs, err := reg.rdb.XRangeN(ctx, triesKey(tenant), from, "+", logBatch).Result()
		if err != nil {
			return nil, unavailable(err)
		}
		for _, m := range msgs {
			from = "(" + m.ID
			d, ok := decodeTry(m)
			if !ok || d.Endpoint != endpoint {
				continue
			}
			if _, seen := last[d.WebhookID]; !seen && d.At.Before(until) {
				order = append(order, d.WebhookID)
				last[d.WebhookID] = d
			} else if seen {
				last[d.WebhookID] = d
			}
		}
		if len(msgs) < logBatch {
			break
		}
	}
	var found []*tasks.Delivery
	for _, id := range order {
		if webhook.Class(last[id].Outcome) != webhook.Delivered {
			found = append(found, last[id])
		}
	}
	return found, nil
}

func decodeTry(m redis.XMessage) (*tasks.Delivery, bool) {
	body, _ := m.Values["try"].(string)
	var e entry
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return nil, false // of a form we do not know
	}
	d := e.Delivery
	d.ID, d.Notice = deliveryID(m.ID), e.Notice
	return &d, true
}
