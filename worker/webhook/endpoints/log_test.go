package endpoints

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

// note notes a try of a webhook to an endpoint, and reports whether that has
// disabled it.
func note(t *testing.T, b *Registry, endpoint, webhookID string, class webhook.Class, at time.Time) bool {
	t.Helper()
	disabled, err := b.Note(t.Context(), "acme", &tasks.Delivery{
		WebhookID: webhookID, Endpoint: endpoint, JobID: "job_" + webhookID, Outcome: string(class), At: at,
		Notice: json.RawMessage(`{"id":"` + webhookID + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return disabled
}

func TestTheLogOfDeliveries(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		b, at := open(t, rdb), time.Now()
		e := register(t, b, "acme").ID
		for i := range 5 {
			note(t, b, e, fmt.Sprintf("evt_%d", i), webhook.Rejected, at)
		}
		note(t, b, "", "evt_callback", webhook.Delivered, at)

		var got []string
		filter := tasks.DeliveryFilter{Endpoint: e, Limit: 2}
		var last string
		for next := "first"; next != ""; filter.Before = next {
			var page []*tasks.Delivery
			var err error
			if page, next, err = b.Deliveries(t.Context(), "acme", filter); err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				got, last = append(got, d.WebhookID), d.ID
			}
		}
		if want := "[evt_4 evt_3 evt_2 evt_1 evt_0]"; fmt.Sprint(got) != want {
			t.Errorf("newest first, page by page: got %v, want %s", got, want)
		}
		one, err := b.Delivery(t.Context(), "acme", last)
		if err != nil || one.WebhookID != "evt_0" || string(one.Notice) != `{"id":"evt_0"}` {
			t.Errorf("one: got %+v, %v", one, err)
		}
		for _, id := range []string{"", "dlv_", "dlv_1", "dlv_1_x", "dlv_9_9", "1_1", "dlv_+_1"} {
			if _, err := b.Delivery(t.Context(), "acme", id); tasks.CodeOf(err) != tasks.CodeNotFound {
				t.Errorf("%q: got %v", id, err)
			}
		}
		if _, err := b.Delivery(t.Context(), "other", last); tasks.CodeOf(err) != tasks.CodeNotFound {
			t.Errorf("another tenant's: got %v", err)
		}
	})
}

// What a filter chooses is found however far down the log it stands.
func TestAFilterFindsWhatStandsFarDown(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	e, at := register(t, b, "acme").ID, time.Now()
	note(t, b, e, "evt_old", webhook.Delivered, at)
	for range logScan {
		if err := b.log(t.Context(), "acme", &tasks.Delivery{WebhookID: "evt_new", Endpoint: e, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	filter := tasks.DeliveryFilter{JobID: "job_evt_old", Limit: 20}
	page, next, err := b.Deliveries(t.Context(), "acme", filter)
	if err != nil || len(page) != 0 || next == "" {
		t.Fatalf("the first page: got %v, next %q, %v; want none of many, and a next one", page, next, err)
	}
	filter.Before = next
	if page, next, err = b.Deliveries(t.Context(), "acme", filter); err != nil || len(page) != 1 || next != "" {
		t.Errorf("the last page: got %v, next %q, %v", page, next, err)
	}
}

// A try that ends after its endpoint was removed leaves nothing behind.
func TestTheFailuresOfARemovedEndpointAreNotKept(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		b := open(t, rdb)
		e := register(t, b, "acme").ID
		note(t, b, e, "evt_1", webhook.TimedOut, time.Now())
		if n := rdb.HLen(t.Context(), failingKey("acme")).Val(); n != 1 {
			t.Fatalf("endpoints that fail: got %d, want 1", n)
		}
		if err := b.Remove(t.Context(), "acme", e); err != nil {
			t.Fatal(err)
		}
		note(t, b, e, "evt_1", webhook.TimedOut, time.Now())
		if left := rdb.HGetAll(t.Context(), failingKey("acme")).Val(); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestUndeliveredAreThoseThatNeverArrived(t *testing.T) {
	b := open(t, redistest.Embedded(t))
	e, at := register(t, b, "acme").ID, time.Now()
	note(t, b, e, "evt_lost", webhook.TimedOut, at)
	note(t, b, e, "evt_late", webhook.TimedOut, at)
	note(t, b, e, "evt_lost", webhook.Rejected, at.Add(time.Second))
	note(t, b, e, "evt_late", webhook.Delivered, at.Add(time.Second))
	note(t, b, "ep_other", "evt_else", webhook.TimedOut, at)
	got, err := b.Undelivered(t.Context(), "acme", e, at.Add(-time.Minute), at.Add(time.Minute))
	if err != nil || len(got) != 1 || got[0].WebhookID != "evt_lost" || got[0].Outcome != string(webhook.Rejected) {
		t.Errorf("got %v, %v; want the last try of evt_lost", got, err)
	}
}

func TestWhenAnEndpointIsDisabled(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		name  string
		tries []webhook.Class // one a day
		want  tasks.DisabledReason
	}{
		{"it wants no more", []webhook.Class{webhook.Delivered, webhook.Gone}, tasks.DisabledGone},
		{"five days of failures", []webhook.Class{webhook.TimedOut, webhook.Rejected, webhook.TimedOut, webhook.Insecure, webhook.Unreachable, webhook.TimedOut}, tasks.DisabledFailing},
		{"not yet five days", []webhook.Class{webhook.TimedOut, webhook.Rejected, webhook.TimedOut, webhook.TimedOut, webhook.TimedOut}, ""},
		{"once it answered", []webhook.Class{webhook.TimedOut, webhook.TimedOut, webhook.TimedOut, webhook.Delivered, webhook.TimedOut, webhook.TimedOut}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := open(t, redistest.Embedded(t))
			e, at, told := register(t, b, "acme").ID, time.Now(), 0
			for i, class := range test.tries {
				if note(t, b, e, "evt", class, at.Add(time.Duration(i)*day)) {
					told++
				}
			}
			if test.want != "" && note(t, b, e, "evt", webhook.Gone, at.Add(30*day)) {
				told++ // it is disabled already
			}
			got, err := b.Endpoint(t.Context(), "acme", e)
			if err != nil || got.Disabled != test.want || (test.want != "") != (told == 1) {
				t.Errorf("got %q, told %d times, %v; want %q", got.Disabled, told, err, test.want)
			}
			if test.want == "" {
				return
			}
			if got, err = b.Change(t.Context(), "acme", e, &tasks.EndpointDraft{Disabled: new(false)}); err != nil || got.Disabled != "" {
				t.Errorf("enabled again: %+v, %v", got, err)
			}
			if note(t, b, e, "evt", webhook.TimedOut, at.Add(31*day)) {
				t.Error("its old failures still count")
			}
		})
	}
}
