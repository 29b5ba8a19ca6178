package store_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// BenchmarkCreate creates jobs by many callers at once, and reports what Redis spends on
// each, in microseconds of its processor time, the system calls of the connections
// included.
func BenchmarkCreate(b *testing.B) {
	rdb := redistest.Real(b)
	s := store.New(rdb, store.DefaultConfig())
	defer s.Close()
	input := json.RawMessage(`{"opportunity":"` + strings.Repeat("商机", 60) + `"}`)
	before := processorTime(b, rdb)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			j := draft()
			j.ID = tasks.NewID()
			once := store.Idempotency{Key: uuid.NewString(), Fingerprint: "f"}
			if _, err := s.Create(b.Context(), j, input, once); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric((processorTime(b, rdb)-before)*1e6/float64(b.N), "redis-µs/op")
}

// processorTime is how many seconds of processor time Redis has spent.
func processorTime(b *testing.B, rdb *redis.Client) (seconds float64) {
	b.Helper()
	info, err := rdb.Info(b.Context(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(info, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			spent, _ := strconv.ParseFloat(value, 64)
			seconds += spent
		}
	}
	return seconds
}
