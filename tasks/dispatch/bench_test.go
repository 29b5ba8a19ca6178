package dispatch

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// concurrent is how many callers the benchmarks have.
const concurrent = 100

// BenchmarkSubmit measures submissions by a hundred callers at once, on a Redis
// server: those that the cache answers, and those that become a job to run. Each
// caller sends its next one when it has the answer, so the time of each is what
// a hundred share of this machine.
func BenchmarkSubmit(b *testing.B) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Start(b).Addr, PoolSize: concurrent})
	defer rdb.Close()
	all, err := catalogue()
	if err != nil {
		b.Fatal(err)
	}
	s := store.New(rdb, store.DefaultConfig())
	defer s.Close()
	d := New(s, queue.NewClient(rdb), all, Config{}, quiet)
	if err := s.Beat(b.Context(), &tasks.Worker{ID: "w1", Serves: []tasks.LaneService{
		{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 1, Models: []string{"ollama/small"}},
	}}); err != nil {
		b.Fatal(err)
	}
	sub := valid(sharing)
	first, _, err := d.Submit(b.Context(), "acme", &sub)
	if err != nil {
		b.Fatal(err)
	}
	digest, err := equal.Digest(first, sub.Input)
	if err != nil {
		b.Fatal(err)
	}
	result := &store.Shared{JobID: first.ID, Output: json.RawMessage(`{"score":7}`)}
	if _, err := s.CompleteFlight(b.Context(), digest, first.ID, result, time.Hour); err != nil {
		b.Fatal(err)
	}
	submit := func(sub tasks.Submission) error {
		_, _, err := d.Submit(b.Context(), "acme", &sub)
		return err
	}
	// What two round trips to Redis take is the least that a hit can.
	b.Run("bare", func(b *testing.B) {
		load(b, func(int) error { return errors.Join(rdb.Ping(b.Context()).Err(), rdb.Ping(b.Context()).Err()) })
	})
	b.Run("hit", func(b *testing.B) {
		load(b, func(int) error { return submit(valid(sharing)) })
	})
	b.Run("miss", func(b *testing.B) {
		load(b, func(i int) error {
			sub := valid(sharing)
			sub.Input = json.RawMessage(`{"kind":"` + strconv.Itoa(i) + `"}`)
			return submit(sub)
		})
	})
}

// load has the callers do something b.N times, and reports how long it takes.
func load(b *testing.B, do func(i int) error) {
	b.ReportAllocs()
	took := make([]time.Duration, b.N)
	var callers sync.WaitGroup
	turns := make(chan int)
	for range concurrent {
		callers.Go(func() {
			for i := range turns {
				began := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(began)
			}
		})
	}
	for i := range b.N {
		turns <- i
	}
	close(turns)
	callers.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
