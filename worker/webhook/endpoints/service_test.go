package endpoints

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/webhook"
)

// outgoing is a queue that keeps what it is given.
type outgoing struct{ sent []queue.Notice }

func (o *outgoing) EnqueueWebhook(_ context.Context, n queue.Notice) error {
	o.sent = append(o.sent, n)
	return nil
}

func TestWhatAnOwnerMayAskToBeSent(t *testing.T) {
	b, out, ctx := open(t, redistest.Embedded(t)), &outgoing{}, t.Context()
	p, at := NewService(b, out), time.Now()
	e := register(t, b, "acme").ID

	id, err := p.Test(ctx, "acme", e)
	if err != nil || len(out.sent) != 1 || out.sent[0].ID != id || out.sent[0].Type != tasks.EventWebhookTest || out.sent[0].Endpoint != e {
		t.Fatalf("test: sent %+v, %v", out.sent, err)
	}

	original := queue.Notice{ID: "evt_1_3", Tenant: "acme", JobID: "job_1", Endpoint: e, Type: tasks.EventSucceeded, Sequence: 3, At: now()}
	body, err := json.Marshal(original)
	if err != nil {
		t.Fatal(err)
	}
	try := &tasks.Delivery{WebhookID: original.ID, Endpoint: e, Outcome: string(webhook.TimedOut), At: at, Notice: body}
	if _, err := b.Note(ctx, "acme", try); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"redeliver": func() error { return second(p.Redeliver(ctx, "acme", try.ID)) },
		"recover":   func() error { return second(p.Recover(ctx, "acme", e, at.Add(-time.Hour), at.Add(time.Hour))) },
	} {
		out.sent = nil
		if err := ask(); err != nil || len(out.sent) != 1 {
			t.Fatalf("%s: sent %d, %v", name, len(out.sent), err)
		}
		got := out.sent[0]
		if got.Again == "" {
			t.Errorf("%s: it would be taken for the first", name)
		}
		if got.Again = ""; got != original {
			t.Errorf("%s: got %+v, want %+v", name, got, original)
		}
	}

	if _, err := b.Change(ctx, "acme", e, &tasks.EndpointDraft{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"test": second(p.Test(ctx, "acme", e)), "redeliver": second(p.Redeliver(ctx, "acme", try.ID)),
		"recover": second(p.Recover(ctx, "acme", e, at, at)),
	} {
		if tasks.CodeOf(err) != tasks.CodeConflict {
			t.Errorf("%s to a disabled endpoint: got %v", name, err)
		}
	}
}
