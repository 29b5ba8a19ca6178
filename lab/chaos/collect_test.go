//go:build unix

package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// TestCollectReadsWhatTheStoreWrites holds the names of keys and fields that
// are written down a second time here against the store's own.
func TestCollectReadsWhatTheStoreWrites(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Real(t)
	s := store.New(rdb, store.DefaultConfig())
	t.Cleanup(func() { s.Close() })
	w := &world{rdb: rdb, clock: &clock{shifts: []shift{{}}}, log: history.NewLog(), features: history.Features{Webhooks: true}}
	w.log.Begin(&history.Job{Marker: marker(1), Callback: true})
	if err := s.Outbox("webhooks", time.Minute).Open(ctx); err != nil {
		t.Fatal(err)
	}

	job := func(metadata map[string]string) *tasks.Job {
		now := time.Now()
		j := &tasks.Job{
			ID: tasks.NewID(), Tenant: "default", State: tasks.Queued, Agent: "A05", Complexity: tasks.Medium, Lanes: []tasks.Lane{tasks.Local},
			CallbackURL: "http://127.0.0.1/", Metadata: metadata, CreatedAt: now, TargetAt: now.Add(time.Minute), Deadline: now.Add(time.Hour),
			Retention: tasks.Duration(time.Hour),
		}
		if _, err := s.Create(ctx, j, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		return j
	}
	ours := job(map[string]string{"chaos": marker(1)})
	stranger := job(nil)
	if jobs, hooks, err := w.unsettled(ctx); err != nil || jobs != 1 || hooks != 0 {
		t.Errorf("before the end: got %d jobs, %d webhooks, %v", jobs, hooks, err)
	}
	claim, err := s.Claim(ctx, ours.ID, tasks.Local, "host-77-abcdef")
	if err != nil || claim.Verdict != store.Claimed {
		t.Fatalf("claim: %+v, %v", claim, err)
	}
	if err := s.Complete(ctx, ours.ID, 1, store.Result{Output: json.RawMessage(`{}`)}, nil); err != nil {
		t.Fatal(err)
	}
	if jobs, hooks, err := w.unsettled(ctx); err != nil || jobs != 0 || hooks != 1 {
		t.Errorf("after the end: got %d jobs, %d webhooks, %v", jobs, hooks, err)
	}
	notice := queue.Notice{ID: history.WebhookID(ours.ID, 3), Tenant: "default", JobID: ours.ID}
	if err := queue.NewClient(rdb).EnqueueWebhook(ctx, notice); err != nil {
		t.Fatal(err)
	}

	h, err := w.collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stored := h.Jobs[marker(1)].Stored
	if len(stored) != 1 {
		t.Fatalf("got %d records", len(stored))
	}
	r := stored[0]
	if r.ID != ours.ID || r.State != tasks.Succeeded || r.Attempt != 1 || r.Sequence != 3 || !r.Result || r.Relayed || r.Settled != "1:complete" {
		t.Errorf("record: %+v", r)
	}
	if r.Deadline.Sub(ours.Deadline).Abs() > time.Second || time.Since(r.Ended).Abs() > time.Minute {
		t.Errorf("deadline %v, ended %v", r.Deadline, r.Ended)
	}
	if len(r.Events) != 3 || r.Events[1].Type != tasks.EventRunning || r.Events[1].Attempt != 1 || time.Since(r.Events[1].At).Abs() > time.Minute {
		t.Errorf("events: %+v", r.Events)
	}
	if r.Webhooks[notice.ID] != "pending" {
		t.Errorf("webhooks: %v", r.Webhooks)
	}
	if len(h.Left.Strangers) != 1 || h.Left.Strangers[0] != stranger.ID {
		t.Errorf("strangers: %v", h.Left.Strangers)
	}
	// A waiting job has two members in the set, by queue and by agent.
	if h.Left.Due != 1 || h.Left.Waiting != 2 || h.Left.Open["queued"] != 1 || h.Left.Open["running"] != 0 {
		t.Errorf("left over: %+v", h.Left)
	}
}
