package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Everything that the store does works on a Redis Cluster, where a script that
// touched two slots would fail, with jobs on every master.
func TestTheStoreOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	rdb := cluster.Client(t)
	cfg := store.DefaultConfig()
	cfg.Shards, cfg.Lease, cfg.Recheck = 8, 200*time.Millisecond, 100*time.Millisecond
	s := store.New(rdb, cfg)
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	}()
	out := s.Outbox("readers", time.Minute)
	if err := out.Open(t.Context()); err != nil {
		t.Fatalf("open outbox: %v", err)
	}

	const n = 32
	var ids []string
	for i := range n {
		once := store.Idempotency{Key: fmt.Sprint("key-", i), Fingerprint: "f"}
		j := draft()
		j.ID = s.NewID(tenant, once)
		id, err := s.Create(t.Context(), j, json.RawMessage(`{}`), once)
		if err != nil || id != j.ID {
			t.Fatalf("create: %v", err)
		}
		again := draft()
		again.ID = s.NewID(tenant, once)
		if id, err := s.Create(t.Context(), again, json.RawMessage(`{}`), once); err != nil || id != j.ID {
			t.Fatalf("create with the same key: got %s, %v; want %s", id, err, j.ID)
		}
		ids = append(ids, id)
	}
	everyMasterHasJobs(t, cluster)
	if b, err := s.Backlog(t.Context(), []string{"local.high"}); err != nil || b["local.high"] != n {
		t.Errorf("backlog: got %v, %v; want all %d", b, err, n)
	}

	for i, id := range ids {
		if p, err := s.Position(t.Context(), find(t, s, id)); err != nil || p < 1 || p > n {
			t.Errorf("position: got %d, %v", p, err)
		}
		c, err := s.Claim(t.Context(), id, tasks.Local, "w1")
		if err != nil || c.Verdict != store.Claimed {
			t.Fatalf("claim: %+v, %v", c, err)
		}
		if err := s.Renew(t.Context(), id, 1); err != nil {
			t.Errorf("renew: %v", err)
		}
		if err := s.Append(t.Context(), id, 1, store.LogEvent{Type: tasks.EventDelta, Data: json.RawMessage(`{}`)}); err != nil {
			t.Errorf("append: %v", err)
		}
		switch i % 4 {
		case 0:
			err = s.Complete(t.Context(), id, 1, store.Result{Output: json.RawMessage(`{}`)}, nil)
		case 1:
			err = s.Fail(t.Context(), id, 1, tasks.Errorf(tasks.CodeInternal, "broken"), nil)
		case 2:
			_, err = s.Cancel(t.Context(), tenant, id)
		default:
			err = s.Release(t.Context(), id, 1, store.Release{Reason: store.ReasonShutdown}, nil)
		}
		if err != nil {
			t.Errorf("settle %d: %v", i%4, err)
		}
		if i%4 == 1 {
			if _, err := s.Retry(t.Context(), tenant, id); err != nil {
				t.Errorf("retry: %v", err)
			}
		}
		if i%4 == 0 { // the others have not ended, or have been retried
			follow(t, s, id, 0, 256)
		}
	}

	seen := map[string]bool{}
	for len(seen) < n {
		entries, err := out.Next(t.Context(), "c1", 1000, time.Second)
		if err != nil {
			t.Fatalf("outbox: %v", err)
		}
		if err := out.Ack(t.Context(), entries...); err != nil {
			t.Fatalf("acknowledge: %v", err)
		}
		for _, e := range entries {
			seen[e.JobID] = true
		}
	}
	if err := s.Trim(t.Context()); err != nil {
		t.Errorf("trim: %v", err)
	}
	if _, err := s.Hurry(t.Context(), "local.high"); err != nil {
		t.Errorf("hurry: %v", err)
	}
	due, err := s.Due(t.Context(), 100)
	if err != nil || len(due) == 0 {
		t.Errorf("due: got %v, %v; want those that were released", due, err)
	}
	for _, id := range due {
		if _, err := s.Overdue(t.Context(), id, true, 0); err != nil {
			t.Errorf("overdue: %v", err)
		}
	}
	key := store.LearnedKey{Agent: "A02", Lane: tasks.Local}
	learn(t, s, func(l *store.Samples) {
		l.Duration(key, time.Second)
		l.Rates("ollama/m", map[store.Rate]float64{store.Decode: 25})
		l.Length(store.Length{Agent: "A02", Version: "v1", Candidate: "ollama/m"}, 400)
		l.Count(&tasks.Job{Agent: "A02", AgentVersion: "v1"}, store.Tallied{Ended: tasks.Failed})
		l.Count(&tasks.Job{Agent: "A03", AgentVersion: "v1"}, store.Tallied{Ended: tasks.Failed})
	})
	if all, err := s.Learned(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("learned: got %v, %v", all, err)
	}
	if err := s.Beat(t.Context(), &tasks.Worker{ID: "w1"}); err != nil {
		t.Errorf("beat: %v", err)
	}
	counts, err := s.Counters(t.Context())
	if err != nil || counts["total:succeeded"] != n/4 || counts["total:canceled"] != n/4 || counts["now:running"] != 0 {
		t.Errorf("counters: got %v, %v", counts, err)
	}
}

func find(t *testing.T, s *store.Store, id string) *tasks.Job {
	t.Helper()
	j, err := s.Find(t.Context(), id)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	return j
}

// everyMasterHasJobs checks that the shards are spread.
func everyMasterHasJobs(t *testing.T, cluster *redistest.Cluster) {
	t.Helper()
	for _, m := range cluster.Masters {
		keys, err := m.Client(t).Keys(t.Context(), "spillway:*:job:*").Result()
		if err != nil || len(keys) == 0 {
			t.Errorf("master %s has no job (%v)", m.Addr, err)
		}
	}
}
