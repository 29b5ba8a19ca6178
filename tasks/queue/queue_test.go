package queue

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestQueueNames(t *testing.T) {
	for _, test := range []struct {
		lane tasks.Lane
		want []string
	}{
		{tasks.Local, []string{
			"local.low.first", "local.medium.first", "local.high.first", "local.extreme.first",
			"local.low", "local.medium", "local.high", "local.extreme",
			"local.low.last", "local.medium.last", "local.high.last", "local.extreme.last",
		}},
		{tasks.Cloud, []string{
			"cloud.low.first", "cloud.medium.first", "cloud.high.first", "cloud.extreme.first",
			"cloud.low", "cloud.medium", "cloud.high", "cloud.extreme",
			"cloud.low.last", "cloud.medium.last", "cloud.high.last", "cloud.extreme.last",
		}},
		{tasks.Scorecard, []string{"scorecard"}},
	} {
		t.Run(string(test.lane), func(t *testing.T) {
			if got := Names(test.lane); !slices.Equal(got, test.want) {
				t.Errorf("names: got %v, want %v", got, test.want)
			}
		})
	}
	if got, want := Name(tasks.Scorecard, tasks.High, tasks.PriorityHigh), "scorecard"; got != want {
		t.Errorf("name of a scorecard ticket: got %q, want %q", got, want)
	}
	if got, want := Names(tasks.Cloud, tasks.Medium), []string{"cloud.medium.first", "cloud.medium", "cloud.medium.last"}; !slices.Equal(got, want) {
		t.Errorf("names of one complexity: got %v, want %v", got, want)
	}
	// What was queued before there were priorities is of normal priority.
	if got, want := Name(tasks.Local, tasks.High, ""), "local.high"; got != want {
		t.Errorf("name without a priority: got %q, want %q", got, want)
	}
}

func TestRetryTellsWhenAndWhy(t *testing.T) {
	busy := errors.New("busy")
	for _, test := range []struct {
		name  string
		retry *Retry
		want  string
	}{
		{"with a cause", &Retry{After: 2 * time.Second, Cause: busy}, "busy; again in 2s"},
		{"without", &Retry{After: time.Minute}, "again in 1m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.retry.Error(); got != test.want {
				t.Errorf("text: got %q, want %q", got, test.want)
			}
			if got := errors.Is(test.retry, busy); got != (test.retry.Cause != nil) {
				t.Errorf("wraps its cause: got %v", got)
			}
		})
	}
}

func TestATicketIsIssuedOnce(t *testing.T) {
	first := highTicket("j1")
	for _, test := range []struct {
		name    string
		again   Ticket
		waiting int
	}{
		{"the same again", first, 1},
		{"with other headers", Ticket{JobID: "j1", Lane: tasks.Local, Complexity: tasks.High, Headers: map[string]string{"a": "b"}}, 1},
		{"for another job", highTicket("j2"), 2},
		{"for a later round of the job", Ticket{JobID: "j1", Lane: tasks.Local, Complexity: tasks.High, Round: 1}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			enqueue(t, rdb, first, test.again)
			if got := depth(t, rdb, "local.high").Waiting; got != test.waiting {
				t.Errorf("waiting tickets: got %d, want %d", got, test.waiting)
			}
		})
	}
}

func TestANoticeIsIssuedOnce(t *testing.T) {
	rdb := redistest.Embedded(t)
	n := Notice{ID: "msg_1", Tenant: "acme", JobID: "j1", Type: tasks.EventSucceeded, Sequence: 3}
	for range 2 {
		if err := NewClient(rdb).EnqueueWebhook(t.Context(), n); err != nil {
			t.Fatalf("enqueue: %v", err)
		}
	}
	if got := depth(t, rdb, Webhooks).Waiting; got != 1 {
		t.Errorf("waiting notices: got %d, want 1", got)
	}
}

func TestATicketThatIsNotDueWaits(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name string
		at   time.Time
		want Depth
	}{
		{"no time: at once", time.Time{}, Depth{Queue: "local.high", Waiting: 1}},
		{"a time that is past: at once", now.Add(-time.Hour), Depth{Queue: "local.high", Waiting: 1}},
		{"a time to come: later", now.Add(time.Hour), Depth{Queue: "local.high", Later: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			if err := NewClient(rdb).Enqueue(t.Context(), highTicket("j1"), test.at); err != nil {
				t.Fatalf("enqueue: %v", err)
			}
			awaitDepth(t, rdb, test.want)
		})
	}
}

func TestAQueueThatIsAwaySaysSo(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer rdb.Close()
	err := NewClient(rdb).Enqueue(t.Context(), highTicket("j1"), time.Time{})
	if got := tasks.CodeOf(err); got != tasks.CodeUnavailable {
		t.Errorf("error: got %v, want code %s", err, tasks.CodeUnavailable)
	}
	if _, err := NewInspector(rdb).Depths(); err == nil {
		t.Error("inspector: got no error")
	}
}

func TestDepthsAreSortedByName(t *testing.T) {
	rdb := redistest.Embedded(t)
	for _, lane := range []tasks.Lane{tasks.Scorecard, tasks.Local, tasks.Cloud} {
		enqueue(t, rdb, Ticket{JobID: "j1", Lane: lane, Complexity: tasks.Low})
	}
	all, err := NewInspector(rdb).Depths()
	if err != nil {
		t.Fatalf("inspect: %v", err)
	}
	got := map[string]int{}
	for _, d := range all {
		got[d.Queue] = d.Waiting
	}
	if want := map[string]int{"cloud.low": 1, "local.low": 1, "scorecard": 1}; !maps.Equal(got, want) {
		t.Errorf("waiting: got %v, want %v", got, want)
	}
	if !slices.IsSortedFunc(all, func(a, b Depth) int { return cmp.Compare(a.Queue, b.Queue) }) {
		t.Errorf("order: got %+v", all)
	}
}
