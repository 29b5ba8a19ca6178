package store_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestAJobTellsWhatAllItsCallsHaveCost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := store.New(rdb, store.DefaultConfig())
		defer s.Close()
		j := draft()
		j.ID = tasks.NewID()
		claim := func() {
			t.Helper()
			if c, err := s.Claim(t.Context(), j.ID, tasks.Local, "w"); err != nil || c.Verdict != store.Claimed {
				t.Fatal(c, err)
			}
		}
		spend := func(attempt int, sofar, want tasks.Money) {
			t.Helper()
			if err := s.Spend(t.Context(), j.ID, attempt, sofar); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Find(t.Context(), j.ID); err != nil || got.Cost != want {
				t.Fatalf("cost %v, want %v; %v", got.Cost, want, err)
			}
		}
		if _, err := s.Create(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		claim()
		spend(1, 1, 1)
		spend(1, 8_999_999_999_999_999, 8_999_999_999_999_999) // what a double still tells apart
		spend(1, 8_999_999_999_999_999, 8_999_999_999_999_999) // came again
		spend(1, 1, 8_999_999_999_999_999)                     // came late
		if err := s.Release(t.Context(), j.ID, 1, store.Release{Reason: store.ReasonShutdown}, nil); err != nil {
			t.Fatal(err)
		}
		claim()
		spend(2, 2, 9_000_000_000_000_001)
		if _, err := s.Cancel(t.Context(), j.Tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		spend(2, 5, 9_000_000_000_000_004) // its call was cut, and is billed
		if err := s.Spend(t.Context(), tasks.NewID(), 1, 1); !errors.Is(err, store.ErrStale) {
			t.Errorf("of a job that is not there: %v", err)
		}
	})
}
