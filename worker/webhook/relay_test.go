package webhook

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// The store and the queue are what relay and handler work with.
var (
	_ Outbox = (*store.Outbox)(nil)
	_ Jobs   = (*store.Store)(nil)
	_ Queue  = (*queue.Client)(nil)
	_        = queue.Handlers{Notice: (*Handler)(nil).Handle}
)

// outbox is an Outbox in memory. What is not acknowledged comes back after idle.
type outbox struct {
	mu      sync.Mutex
	pending map[string]store.OutboxEntry
	taken   map[string]time.Time
	nextErr error
	ackErr  error
}

const idle = 30 * time.Second

func newOutbox(entries ...store.OutboxEntry) *outbox {
	o := &outbox{pending: map[string]store.OutboxEntry{}, taken: map[string]time.Time{}}
	for _, e := range entries {
		o.pending[e.StreamID] = e
	}
	return o
}

func (o *outbox) Next(ctx context.Context, _ string, limit int, wait time.Duration) ([]store.OutboxEntry, error) {
	o.mu.Lock()
	var batch []store.OutboxEntry
	for _, id := range slices.Sorted(maps.Keys(o.pending)) {
		if at, ok := o.taken[id]; len(batch) < limit && (!ok || time.Since(at) >= idle) {
			o.taken[id] = time.Now()
			batch = append(batch, o.pending[id])
		}
	}
	err := o.nextErr
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if len(batch) == 0 {
		pause(ctx, wait)
	}
	return batch, nil
}

func (o *outbox) Ack(_ context.Context, entries ...store.OutboxEntry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ackErr != nil {
		return o.ackErr
	}
	for _, e := range entries {
		delete(o.pending, e.StreamID)
	}
	return nil
}

func (o *outbox) set(nextErr, ackErr error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.nextErr, o.ackErr = nextErr, ackErr
}

func (o *outbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending)
}

// notices is a queue in memory that keeps every notice it is given.
type notices struct {
	mu   sync.Mutex
	sent []queue.Notice
	fail func(queue.Notice) error
}

func (s *notices) EnqueueWebhook(_ context.Context, n queue.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(n); err != nil {
			return err
		}
	}
	s.sent = append(s.sent, n)
	return nil
}

func (s *notices) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.sent))
	for i, t := range s.sent {
		ids[i] = t.ID
	}
	return ids
}

func entry(id string, event tasks.EventType, callback bool) store.OutboxEntry {
	return store.OutboxEntry{StreamID: id, JobID: "job_" + id, Tenant: "acme", Type: event, Sequence: 3, At: ended, Callback: callback}
}

// run starts a relay in a bubble and returns what ends it.
func run(o Outbox, s Queue, consumer string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		NewRelay(o, nobody{}, s, consumer, quiet).Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestRelayQueuesTheEndsOfJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := newOutbox(
			entry("1", tasks.EventQueued, false),
			entry("2", tasks.EventRunning, false),
			entry("3", tasks.EventSucceeded, true),
			entry("4", tasks.EventSucceeded, false),
			entry("5", tasks.EventFailed, true),
			entry("6", tasks.EventCanceled, true),
			entry("7", "job.of_the_future", false),
		), &notices{}
		stop := run(o, s, "a")
		synctest.Wait()
		stop()
		if got, want := s.ids(), []string{"evt_3_3", "evt_5_3", "evt_6_3"}; !slices.Equal(got, want) {
			t.Errorf("queued: got %v, want %v", got, want)
		}
		want := queue.Notice{ID: "evt_3_3", Tenant: "acme", JobID: "job_3", Type: tasks.EventSucceeded, Sequence: 3, At: ended}
		if got := s.sent[0]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := o.left(); got != 0 {
			t.Errorf("%d entries are not acknowledged", got)
		}
	})
}

// A relay that dies after queueing and before acknowledging leaves its entry to
// another, which makes the same webhook again.
func TestRelayCrashKeepsTheID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := newOutbox(entry("1", tasks.EventSucceeded, true)), &notices{}
		o.set(nil, errors.New("killed"))
		stop := run(o, s, "a")
		synctest.Wait()
		stop()
		o.set(nil, nil)

		stop = run(o, s, "b")
		time.Sleep(idle + relayWait)
		synctest.Wait()
		stop()
		if got, want := s.ids(), []string{"evt_1_3", "evt_1_3"}; !slices.Equal(got, want) {
			t.Errorf("queued: got %v, want %v", got, want)
		}
		if got := o.left(); got != 0 {
			t.Errorf("%d entries are not acknowledged", got)
		}
	})
}

// While the queue or the outbox is unavailable the relay waits and loses nothing.
func TestRelayRidesOutErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		repaired := make(chan struct{})
		o, s := newOutbox(entry("1", tasks.EventSucceeded, true), entry("2", tasks.EventFailed, true)), &notices{}
		s.fail = func(queue.Notice) error {
			select {
			case <-repaired:
				return nil
			default:
				return away
			}
		}
		stop := run(o, s, "a")
		defer stop()
		time.Sleep(time.Minute)
		o.set(away, nil)
		time.Sleep(time.Minute)
		if got := o.left(); got != 2 {
			t.Fatalf("%d entries left, want both", got)
		}
		close(repaired)
		o.set(nil, nil)
		time.Sleep(idle + relayWait)
		synctest.Wait()
		if got, want := s.ids(), []string{"evt_1_3", "evt_2_3"}; !slices.Equal(got, want) {
			t.Errorf("queued: got %v, want %v", got, want)
		}
	})
}

// One entry that can not be queued does not hold up those behind it.
func TestRelayPassesABadEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := newOutbox(entry("1", tasks.EventSucceeded, true), entry("2", tasks.EventSucceeded, true)), &notices{}
		s.fail = func(n queue.Notice) error {
			if n.JobID == "job_1" {
				return errors.New("too strange")
			}
			return nil
		}
		stop := run(o, s, "a")
		synctest.Wait()
		stop()
		if got, want := s.ids(), []string{"evt_2_3"}; !slices.Equal(got, want) {
			t.Errorf("queued: got %v, want %v", got, want)
		}
		if got := o.left(); got != 1 {
			t.Errorf("%d entries left, want the bad one", got)
		}
	})
}

// registering is a Registry whose tenant registers an endpoint as soon as it has
// been asked.
type registering struct {
	nobody
	asked *int
}

func (r registering) Subscribed(context.Context, string, tasks.EventType) ([]string, error) {
	*r.asked++
	if *r.asked == 1 {
		return nil, nil
	}
	return []string{"ep_new"}, nil
}

// What the register said of one batch does not hold for the next one: an endpoint
// gets the event of the first job that ends after it was registered.
func TestRelayAsksTheRegisterOncePerBatch(t *testing.T) {
	asked, s := 0, &notices{}
	for batch, entries := range [][]store.OutboxEntry{
		{entry("1", tasks.EventSucceeded, false), entry("2", tasks.EventSucceeded, false)},
		{entry("3", tasks.EventSucceeded, false), entry("4", tasks.EventSucceeded, false)},
	} {
		if err := NewRelay(newOutbox(entries...), registering{asked: &asked}, s, "a", quiet).step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if asked != batch+1 {
			t.Errorf("after batch %d the register was asked %d times", batch+1, asked)
		}
	}
	if got, want := s.ids(), []string{"evt_3_3", "evt_4_3"}; !slices.Equal(got, want) {
		t.Errorf("queued: got %v, want %v", got, want)
	}
}
