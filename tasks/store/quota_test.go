package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestAQuotaBoundsTheJobsThatWait(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Quota = 5 })
		var made, refused atomic.Int64
		var group errgroup.Group
		ids := make(chan string, 20)
		for range cap(ids) {
			group.Go(func() error {
				id, err := s.Create(context.Background(), draft(), json.RawMessage(`{}`), store.Idempotency{})
				switch {
				case tasks.CodeOf(err) == tasks.CodeQuota:
					refused.Add(1)
					return nil
				case err == nil:
					made.Add(1)
					ids <- id
				}
				return err
			})
		}
		if err := group.Wait(); err != nil || made.Load() != 5 || refused.Load() != 15 {
			t.Fatalf("got %d made, %d refused, %v; want 5 and 15", made.Load(), refused.Load(), err)
		}
		tries := func() error {
			_, err := s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{})
			return err
		}
		if e, ok := errors.AsType[*tasks.Error](tries()); !ok || e.RetryAfter() <= 0 {
			t.Errorf("the refusal does not say when to come back: %v", e)
		}
		claim(t, s, <-ids, "w")
		if err := tries(); err != nil {
			t.Errorf("after one has begun: %v", err)
		}
		if _, err := s.Cancel(t.Context(), tenant, <-ids); err != nil {
			t.Fatal(err)
		}
		if err := tries(); err != nil {
			t.Errorf("after one was canceled: %v", err)
		}
		if err := tries(); tasks.CodeOf(err) != tasks.CodeQuota {
			t.Errorf("beyond the quota again: got %v", err)
		}
		other := draft()
		other.Tenant = "other"
		if _, err := s.Create(t.Context(), other, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
			t.Errorf("another tenant: %v", err)
		}
	})
}

// To cancel jobs makes room for others, not for those and the others.
func TestAQuotaHoldsForRetries(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Quota = 1 })
		first := create(t, s)
		if _, err := s.Cancel(t.Context(), tenant, first.ID); err != nil {
			t.Fatal(err)
		}
		if left := rdb.HGetAll(t.Context(), "spillway:{0}:counters").Val(); left["waiting:"+tenant] != "" {
			t.Errorf("the count of a tenant without waiting jobs is kept: %v", left)
		}
		second := create(t, s)
		if _, err := s.Retry(t.Context(), tenant, first.ID); tasks.CodeOf(err) != tasks.CodeQuota {
			t.Errorf("a retry beyond the quota: got %v", err)
		}
		claim(t, s, second.ID, "w")
		if j, err := s.Retry(t.Context(), tenant, first.ID); err != nil || j.State != tasks.Queued {
			t.Errorf("a retry when there is room: got %+v, %v", j, err)
		}
	})
}

// A refused submission must leave its idempotency key free, and a repeated one
// must be answered with its job, however full the queue is.
func TestAQuotaAndAnIdempotencyKey(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb, func(c *store.Config) { c.Quota = 1 })
		send := func(key string) (string, error) {
			return s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{Key: key, Fingerprint: "abc"})
		}
		first, err := send("one")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := send("one"); err != nil || again != first {
			t.Errorf("again: got %s, %v, want %s", again, err, first)
		}
		if _, err := send("two"); tasks.CodeOf(err) != tasks.CodeQuota {
			t.Errorf("beyond the quota: got %v", err)
		}
		claim(t, s, first, "w")
		if id, err := send("two"); err != nil || id == first {
			t.Errorf("when there is room: got %s, %v", id, err)
		}
	})
}

// What a job takes is given back when the job is forgotten, and by nothing else.
func TestAQuotaBoundsWhatIsKept(t *testing.T) {
	for name, set := range map[string]func(*store.Config){
		"jobs":  func(c *store.Config) { c.KeptJobs = 2 },
		"bytes": func(c *store.Config) { c.KeptBytes = func() int64 { return 2 * (18 << 10) } },
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
				s := open(t, rdb, set)
				for range 2 {
					if _, err := s.Cancel(t.Context(), tenant, create(t, s).ID); err != nil {
						t.Fatal(err)
					}
				}
				_, err := s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{})
				if e, ok := errors.AsType[*tasks.Error](err); !ok || e.Code != tasks.CodeQuota || e.RetryAfter() <= 0 {
					t.Fatalf("beyond the quota: got %v", err)
				}
				for _, z := range rdb.ZRangeWithScores(t.Context(), "spillway:{0}:ended", 0, 0).Val() {
					rdb.ZAdd(t.Context(), "spillway:{0}:ended", redis.Z{Score: 1, Member: z.Member}) // as if its time were over
				}
				for range 2 {
					if err := s.Trim(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				create(t, s)
				if _, err := s.Create(t.Context(), draft(), json.RawMessage(`{}`), store.Idempotency{}); tasks.CodeOf(err) != tasks.CodeQuota {
					t.Errorf("one was forgotten and one made: got %v", err)
				}
				sum, kept := 0, rdb.HGet(t.Context(), "spillway:{0}:kept", tenant).Val()
				for _, size := range rdb.HVals(t.Context(), "spillway:{0}:sizes").Val() {
					n, _ := strconv.Atoi(size)
					sum += n
				}
				if kept != strconv.Itoa(sum) {
					t.Errorf("%s bytes are counted; the jobs have %d", kept, sum)
				}
			})
		})
	}
}
