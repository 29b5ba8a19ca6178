package store_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/examples"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// BenchmarkMemoryPerJob tells how many bytes of Redis memory one ended job
// takes, with a real input of 0.6 kB, a result of 2 kB, one attempt and twenty
// pieces of streamed output.
func BenchmarkMemoryPerJob(b *testing.B) {
	rdb := redistest.Real(b)
	s := store.New(rdb, store.DefaultConfig())
	defer s.Close()
	opportunities, err := examples.Opportunities()
	if err != nil {
		b.Fatal(err)
	}
	result, err := json.Marshal(map[string]string{"summary": strings.Repeat("商机", 333)})
	if err != nil {
		b.Fatal(err)
	}
	before := usedMemory(b, rdb)
	b.ResetTimer()
	for i := range b.N {
		j := draft()
		j.ID = tasks.NewID()
		if _, err := s.Create(b.Context(), j, opportunities[i%len(opportunities)].Input, store.Idempotency{}); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Claim(b.Context(), j.ID, tasks.Local, "worker-1"); err != nil {
			b.Fatal(err)
		}
		for range 20 {
			if err := s.Append(b.Context(), j.ID, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{"text":"推进这个商机,先约见决策人,再确认预算"}`)}); err != nil {
				b.Fatal(err)
			}
		}
		records := []tasks.Attempt{{Number: 1, Lane: tasks.Local, Worker: "worker-1", Candidate: "ollama/deepseek-r1:32b", Outcome: tasks.OutcomeSucceeded}}
		if err := s.Complete(b.Context(), j.ID, 1, store.Result{Output: result}, records); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(usedMemory(b, rdb)-before)/float64(b.N), "redis-B/job")
}

// usedMemory is what Redis says its data takes, in bytes.
func usedMemory(b *testing.B, rdb *redis.Client) int {
	b.Helper()
	info, err := rdb.Info(context.Background(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	line, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
