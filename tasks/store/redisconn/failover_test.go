package redisconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// open returns a client with a gate.
func open(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	rdb, err := Open(url, API)
	if err != nil {
		t.Fatal(err)
	}
	gate := NewGate(rdb, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := errors.Join(gate.Close(), rdb.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return rdb
}

// eventually asks until there is no error.
func eventually(t *testing.T, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("still: %v", err)
		}
	}
}

// When the master dies, commands fail at once until the Sentinels have made its
// replica the master, and then go on there.
func TestFailoverBySentinel(t *testing.T) {
	s := redistest.StartSentinel(t)
	rdb := open(t, s.URL())
	if err := rdb.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Master.Client(t).Wait(t.Context(), 1, 10*time.Second).Result(); err != nil || n != 1 {
		t.Fatalf("replicas: %d, %v", n, err)
	}
	s.Master.Kill()
	until(t, rdb, isAway)
	s.Failed(t)
	eventually(t, func(ctx context.Context) error { return rdb.Set(ctx, "k2", "v", 0).Err() })
	if got, err := rdb.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("got %q, %v", got, err)
	}
}

// One master of a cluster that is lost does not shut the others out.
func TestAGateHasADoorForEachNodeOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	rdb := open(t, cluster.URL())
	// One key on each master: the first letters that fall there.
	keys := map[string]string{}
	for i := 0; len(keys) < len(cluster.Masters); i++ {
		key := fmt.Sprint("k", i)
		master, err := rdb.(*redis.ClusterClient).MasterForKey(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := rdb.Set(t.Context(), key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		keys[master.Options().Addr] = key
	}
	lost := cluster.Masters[1]
	lost.Kill()
	began := time.Now()
	eventually(t, func(ctx context.Context) error {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := rdb.Get(short, keys[lost.Addr]).Err(); !isAway(err) {
			return fmt.Errorf("lost master: got %w, want %w", err, ErrAway)
		}
		return nil
	})
	if took := time.Since(began); took > 1500*time.Millisecond+busy {
		t.Errorf("the door shut after %v, want 1.5 s at most", took)
	}
	for addr, key := range keys {
		began := time.Now()
		err := rdb.Get(t.Context(), key).Err()
		if away := isAway(err); away != (addr == lost.Addr) || !away && err != nil {
			t.Errorf("%s: got %v", addr, err)
		}
		if took := time.Since(began); took > busy {
			t.Errorf("%s: took %v", addr, took)
		}
	}
	lost.Restart(t)
	eventually(t, func(ctx context.Context) error { return rdb.Get(ctx, keys[lost.Addr]).Err() })
}

func TestSurveyOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	nodes, err := Survey(t.Context(), open(t, cluster.URL()))
	if err != nil || len(nodes) != len(cluster.Masters) {
		t.Fatalf("got %+v, %v", nodes, err)
	}
	for _, n := range nodes {
		if !n.Cluster || n.SlotsDown || !n.AOF {
			t.Errorf("got %+v", n)
		}
	}
}
