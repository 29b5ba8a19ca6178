package store_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// learn has a store learn what is gathered.
func learn(t *testing.T, s *store.Store, gather func(*store.Samples)) {
	t.Helper()
	var l store.Samples
	gather(&l)
	if err := s.Learn(t.Context(), &l); err != nil {
		t.Fatalf("learn: %v", err)
	}
}

func near(got, want, share float64) bool { return math.Abs(got-want) <= want*share }

func TestRatesAreLearned(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		const mac = "ollama/deepseek-r1:32b"
		for i := range 40 {
			learn(t, s, func(l *store.Samples) {
				l.Rates(mac, map[store.Rate]float64{store.Decode: 25 + float64(i%3), store.Prefill: 340})
			})
		}
		learn(t, s, func(l *store.Samples) { l.Rates("kimi/k2", map[store.Rate]float64{store.Decode: 60, store.Load: 0}) })
		all, err := s.Rates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		decode := all[mac][store.Decode]
		if len(decode) != 32 || !near(decode.Quantile(0.5), 26, 0.05) {
			t.Errorf("decode: got %+v, median %v, want 26 from the last 32", decode, decode.Quantile(0.5))
		}
		if p10, p90 := decode.Quantile(0.1), decode.Quantile(0.9); p10 != 25 || p90 != 27 {
			t.Errorf("decode is from %v to %v", p10, p90)
		}
		if _, ok := all["kimi/k2"][store.Load]; ok || len(all) != 2 {
			t.Errorf("a rate of zero was learned: %+v", all)
		}
	})
}

func TestOneFreakMovesNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		const mac = "ollama/m"
		call := func(times int, speed float64) float64 {
			t.Helper()
			for range times {
				learn(t, s, func(l *store.Samples) { l.Rates(mac, map[store.Rate]float64{store.Decode: speed}) })
			}
			all, err := s.Rates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return all[mac][store.Decode].Quantile(0.5)
		}
		call(20, 27)
		if got := call(1, 0.01); !near(got, 27, 0.03) {
			t.Errorf("after one call of a machine that slept: %v, want about 27", got)
		}
		if got := call(80, 9); !near(got, 9, 0.1) {
			t.Errorf("after the machine has become slower for good: %v, want about 9", got)
		}
	})
}

func TestLengthsAreLearnedByVersionVariantAndModel(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		plain := store.Length{Agent: "A02", Version: "v1", Candidate: "ollama/m"}
		terse, next := plain, plain
		terse.Variant, next.Version = "terse", "v2"
		for of, tokens := range map[store.Length]int{plain: 700, terse: 300, next: 900} {
			learn(t, s, func(l *store.Samples) { l.Length(of, tokens) })
		}
		learn(t, s, func(l *store.Samples) { l.Length(plain, 0) })
		got, err := s.Lengths(t.Context(), "A02", "v1")
		if err != nil || len(got) != 2 || !near(got[plain].Quantile(0.5), 700, 0.01) || !near(got[terse].Quantile(0.5), 300, 0.01) {
			t.Errorf("got %+v, %v", got, err)
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:lengths:A02:v1").Val(); ttl <= 0 {
			t.Errorf("the lengths of a version are kept for ever: %v", ttl)
		}
	})
}

func TestQuantileWithoutMeasurements(t *testing.T) {
	if got := (store.Learned{}).Quantile(0.1); got != 0 {
		t.Errorf("got %v, want 0", got)
	}
	one := store.Learned{100}
	if p10, p50 := one.Quantile(0.1), one.Quantile(0.5); !near(p50, 100, 0.001) || p10 > 75 {
		t.Errorf("after one measurement p50 is %v and p10 %v: want 100, and a wide spread", p50, p10)
	}
}

// What an earlier version has written counts as one measurement, also to the
// script, and is gone when there are enough.
func TestWhatAnEarlierVersionHasLearnedIsRead(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		k := store.LearnedKey{Agent: "A02", Lane: tasks.Local}
		rdb.HSet(t.Context(), "spillway:learned", "A02 local", "7 2.302585 9.000000", "A03 local", "another form")
		if all, err := s.Learned(t.Context()); err != nil || len(all) != 1 || len(all[k]) != 1 || !near(all[k][0], 10, 0.001) {
			t.Errorf("got %v, %v, want 10 s once", all, err)
		}
		learn(t, s, func(l *store.Samples) { l.Duration(k, 4*time.Second) })
		if all, err := s.Learned(t.Context()); err != nil || !slices.Equal(all[k], store.Learned{4, 10}) {
			t.Errorf("got %v, %v, want 4 and 10 s", all, err)
		}
	})
}
