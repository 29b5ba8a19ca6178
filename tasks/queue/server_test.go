package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

var highQueue = ServerConfig{Queues: []string{"local.high"}, Slots: 1, Drain: time.Second}

func TestATicketArrivesWithItsHeaders(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		arrived := make(chan Ticket, 1)
		serve(t, rdb, highQueue, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			arrived <- got
			return nil
		}})
		sent := highTicket("j1")
		sent.Headers = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
		enqueue(t, rdb, sent)
		got := receive(t, arrived)
		if got.JobID != "j1" || got.Lane != tasks.Local || !maps.Equal(got.Headers, sent.Headers) {
			t.Errorf("ticket: got %+v, want %+v", got, sent)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high"})
	})
}

func TestAHandlersErrorDecidesWhatBecomesOfATicket(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler func() error
		want    Depth
	}{
		{"none ends it", func() error { return nil }, Depth{}},
		{"given up ends it, and keeps it for a person", func() error { return fmt.Errorf("no use: %w", ErrGivenUp) }, Depth{Dead: 1}},
		{"a retry puts it off", func() error { return &Retry{After: time.Hour} }, Depth{Later: 1}},
		{"a wrapped retry too", func() error { return fmt.Errorf("claim: %w", &Retry{After: time.Hour}) }, Depth{Later: 1}},
		{"any other error puts it off", func() error { return errors.New("broken") }, Depth{Later: 1}},
		{"a panic puts it off", func() error { panic("broken") }, Depth{Later: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			done := make(chan bool, 1)
			serve(t, rdb, highQueue, Handlers{Ticket: func(context.Context, Ticket) error {
				done <- true
				return test.handler()
			}})
			enqueue(t, rdb, highTicket("j1"))
			receive(t, done)
			test.want.Queue = "local.high"
			awaitDepth(t, rdb, test.want)
		})
	}
}

func TestATaskThatNobodyCanHandle(t *testing.T) {
	unexpected := func(context.Context, Notice) error {
		t.Error("the task reached a handler")
		return nil
	}
	for _, test := range []struct {
		name string
		task *asynq.Task
		want Depth
	}{
		{"is given up when it cannot be read", asynq.NewTask(typeNotice, []byte("no JSON")), Depth{Dead: 1}},
		{"is put off when there is no handler for its type", asynq.NewTask(typeTicket, []byte("{}")), Depth{Later: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			serve(t, rdb, ServerConfig{Queues: []string{Webhooks}, Slots: 1}, Handlers{Notice: unexpected})
			if _, err := asynq.NewClientFromRedisClient(rdb).Enqueue(test.task, asynq.Queue(Webhooks)); err != nil {
				t.Fatalf("enqueue: %v", err)
			}
			test.want.Queue = Webhooks
			awaitDepth(t, rdb, test.want)
		})
	}
}

func TestOnlyWhatCountsIsCounted(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		tries := make(chan int, 3)
		answers := []error{&Retry{}, &Retry{Counts: true}, nil}
		var calls atomic.Int32
		serve(t, rdb, ServerConfig{Queues: []string{Webhooks}, Slots: 1}, Handlers{Notice: func(_ context.Context, n Notice) error {
			tries <- n.Tries
			return answers[calls.Add(1)-1]
		}})
		if err := NewClient(rdb).EnqueueWebhook(t.Context(), Notice{ID: "msg_1"}); err != nil {
			t.Fatalf("enqueue: %v", err)
		}
		got := []int{receive(t, tries), receive(t, tries), receive(t, tries)}
		if want := []int{0, 0, 1}; !slices.Equal(got, want) {
			t.Errorf("tries before each: got %v, want %v", got, want)
		}
	})
}

func TestALaterTicketComesWhenItIsDue(t *testing.T) {
	t.Parallel()
	rdb := redistest.Embedded(t)
	arrived := make(chan time.Time, 1)
	serve(t, rdb, highQueue, Handlers{Ticket: func(context.Context, Ticket) error {
		arrived <- time.Now()
		return nil
	}})
	due := time.Now().Add(1500 * time.Millisecond)
	if err := NewClient(rdb).Enqueue(t.Context(), highTicket("j1"), due); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	// asynq keeps whole seconds.
	if got := receive(t, arrived); got.Before(due.Truncate(time.Second)) {
		t.Errorf("arrived %v too early", due.Sub(got))
	}
}

func TestALocalServerTakesJobsByPriorityAndThenTheShortOnes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		var want []string
		for _, p := range tasks.Priorities() {
			for _, c := range tasks.Complexities() {
				want = append(want, string(p)+" "+string(c)+" 1", string(p)+" "+string(c)+" 2")
			}
		}
		for _, p := range slices.Backward(tasks.Priorities()) {
			for _, c := range slices.Backward(tasks.Complexities()) {
				for _, n := range []string{"1", "2"} {
					enqueue(t, rdb, Ticket{JobID: string(p) + " " + string(c) + " " + n, Lane: tasks.Local, Complexity: c, Priority: p})
				}
			}
		}
		order := make(chan string, len(want))
		serve(t, rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 1}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			order <- got.JobID
			return nil
		}})
		var got []string
		for range cap(order) {
			got = append(got, receive(t, order))
		}
		if !slices.Equal(got, want) {
			t.Errorf("order: got %q, want %q", got, want)
		}
	})
}

func TestAServerWithoutSlotsHasOne(t *testing.T) {
	rdb := redistest.Embedded(t)
	begun, finish := make(chan bool), make(chan bool)
	serve(t, rdb, ServerConfig{Queues: []string{"local.high"}}, Handlers{Ticket: func(context.Context, Ticket) error {
		begun <- true
		<-finish
		return nil
	}})
	enqueue(t, rdb, highTicket("j1"))
	receive(t, begun)
	defer close(finish)
	servers, err := asynq.NewInspectorFromRedisClient(rdb).Servers()
	if err != nil || len(servers) != 1 {
		t.Fatalf("servers: got %v, %v, want one", servers, err)
	}
	if got := servers[0].Concurrency; got != 1 {
		t.Errorf("slots: got %d, want 1", got)
	}
}

func TestStopTakesNoMoreButLetsTheHandlerFinish(t *testing.T) {
	rdb := redistest.Embedded(t)
	begun, finish := make(chan string, 2), make(chan bool)
	s := serve(t, rdb, ServerConfig{Queues: []string{"local.high"}, Slots: 2, Drain: patience}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
		begun <- got.JobID
		<-finish
		return nil
	}})
	enqueue(t, rdb, highTicket("j1"))
	receive(t, begun)
	s.Stop()
	s.Stop()
	enqueue(t, rdb, highTicket("j2"))
	close(finish)
	s.Shutdown()
	s.Shutdown()
	s.Stop()
	if len(begun) > 0 {
		t.Errorf("after Stop the server took %s", <-begun)
	}
	awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
}

func TestATicketInHandGoesBackWhenTheServerMustEnd(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		begun, ended := make(chan bool, 1), make(chan bool, 1)
		s := serve(t, rdb, ServerConfig{Queues: []string{"local.high"}, Slots: 1, Drain: 50 * time.Millisecond}, Handlers{Ticket: func(ctx context.Context, _ Ticket) error {
			begun <- true
			<-ctx.Done()
			ended <- true
			return ctx.Err()
		}})
		enqueue(t, rdb, highTicket("j1"))
		receive(t, begun)
		s.Shutdown()
		receive(t, ended)
		again := make(chan Ticket, 1)
		serve(t, rdb, highQueue, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			again <- got
			return nil
		}})
		if got := receive(t, again).JobID; got != "j1" {
			t.Errorf("the next server got %s, want j1", got)
		}
	})
}

func TestALostWorkerIsNobodysFailure(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		fails bool
		after time.Duration
	}{
		{"the worker was lost", asynq.ErrLeaseExpired, false, 0},
		{"the ticket came too early", &Retry{After: 3 * time.Second}, false, 3 * time.Second},
		{"a try that failed", &Retry{After: time.Minute, Counts: true}, true, time.Minute},
		{"anything else", errors.New("broken"), true, failureDelay},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := isFailure(test.err); got != test.fails {
				t.Errorf("counts as a failure: got %v, want %v", got, test.fails)
			}
			if got := retryDelay(0, test.err, nil); got != test.after {
				t.Errorf("comes back after: got %v, want %v", got, test.after)
			}
		})
	}
}
