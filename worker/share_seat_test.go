package worker

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// A leader has its seat before it has a record.
func TestAFollowerAwaitsALeaderThatIsBeingMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	one := New(defaults(), Parts{Store: w.store, Dispatcher: w.Dispatcher, Agents: testAgents(t), Log: quiet})
	first := w.submit(t, sharing)
	j := w.submit(t, sharing)
	w.follows(t, j, first.ID)
	if err := w.rdb.Del(t.Context(), "spillway:{0}:job:"+first.ID).Err(); err != nil {
		t.Fatal(err)
	}
	record := "spillway:{0}:job:" + j.ID
	if err := w.rdb.HSet(t.Context(), record, "created", time.Now().Add(time.Hour).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	err := one.follow(t.Context(), j.ID, first.ID, tasks.Local)
	if later, ok := errors.AsType[*queue.Retry](err); !ok || later.After != time.Second {
		t.Errorf("one that was just made: got %v, want it to come back in a second", err)
	}
	w.follows(t, j, first.ID)
	if err := w.rdb.HSet(t.Context(), record, "created", time.Now().Add(-leaderMade).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := one.follow(t.Context(), j.ID, first.ID, tasks.Local); err != nil {
		t.Errorf("a second later: got %v, want it to run", err)
	}
	if leader := w.rdb.HGet(t.Context(), record, "follows").Val(); leader != "" {
		t.Errorf("it still follows %s", leader)
	}
}

// Of those who wait the one is woken that still does.
func TestAnEndWithoutAResultWakesAFollower(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	one := New(defaults(), Parts{Store: w.store, Dispatcher: w.Dispatcher, Agents: testAgents(t), Log: quiet})
	leader, alone, j := w.submit(t, sharing), w.submit(t, sharing), w.submit(t, sharing)
	if err := w.store.Unfollow(t.Context(), alone.ID, leader.ID, ""); err != nil {
		t.Fatal(err)
	}
	a := one.attempt(&store.Claim{Job: leader, Input: json.RawMessage(`{"kind":"good"}`)}, tasks.Local)
	if err := a.land(t.Context(), nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	woken := strings.Join(w.rdb.Keys(t.Context(), "asynq:{*}:t:*-1").Val(), " ")
	if !strings.Contains(woken, j.ID) || strings.Contains(woken, alone.ID) {
		t.Errorf("woken: got %v, want %s alone", woken, j.ID)
	}
}
