package attempt

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// sharing makes a job of the agent whose results are shared.
func sharing(s *tasks.Submission) { s.Agent, s.Privacy = "T2", tasks.LocalOnly }

// A leader joins before it has a record.
func TestAFollowerAwaitsALeaderThatIsBeingMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
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
	err := w.runner.Follow(t.Context(), j.ID, first.ID, tasks.Local)
	if later, ok := errors.AsType[*queue.Retry](err); !ok || later.After != time.Second {
		t.Errorf("one that was just made: got %v, want it to come back in a second", err)
	}
	w.follows(t, j, first.ID)
	if err := w.rdb.HSet(t.Context(), record, "created", time.Now().Add(-leaderMade).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := w.runner.Follow(t.Context(), j.ID, first.ID, tasks.Local); err != nil {
		t.Errorf("a second later: got %v, want it to run", err)
	}
	if leader := w.rdb.HGet(t.Context(), record, "follows").Val(); leader != "" {
		t.Errorf("it still follows %s", leader)
	}
}

// Of those who wait the one is woken that still does.
func TestAnEndWithoutAResultWakesAFollower(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leader, alone, j := w.submit(t, sharing), w.submit(t, sharing), w.submit(t, sharing)
	if err := w.store.Unfollow(t.Context(), alone.ID, leader.ID, ""); err != nil {
		t.Fatal(err)
	}
	a := w.runner.attempt(&store.Claim{Job: leader, Input: json.RawMessage(`{"kind":"good"}`)}, tasks.Local)
	if err := a.completeFlight(t.Context(), nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	woken := strings.Join(w.rdb.Keys(t.Context(), "asynq:{*}:t:*-1").Val(), " ")
	if !strings.Contains(woken, j.ID) || strings.Contains(woken, alone.ID) {
		t.Errorf("woken: got %v, want %s alone", woken, j.ID)
	}
}

func TestHowLongAFollowerWaits(t *testing.T) {
	now := time.Now()
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	lanes := []tasks.Lane{tasks.Local, tasks.Cloud}
	follower := func(spill, target int) *tasks.Job {
		return &tasks.Job{Lanes: lanes, SpillAt: at(spill), TargetAt: at(target)}
	}
	queued := func(attempt, since, spill int) *tasks.Job {
		return &tasks.Job{State: tasks.Queued, Attempt: attempt, SpillAt: at(spill), Waiting: &tasks.Waiting{Since: at(since)}}
	}
	running := func(lane tasks.Lane) *tasks.Job { return &tasks.Job{State: tasks.Running, Lane: lane, Attempt: 1} }
	for _, test := range []struct {
		name   string
		job    *tasks.Job
		leader *tasks.Job
		lane   tasks.Lane
		want   bool
	}{
		{"the leader runs", follower(10, 30), running(tasks.Local), tasks.Local, true},
		{"the leader runs, and the job spills", follower(-1, 30), running(tasks.Local), tasks.Cloud, false},
		{"the leader runs where the job spills to", follower(-1, 30), running(tasks.Cloud), tasks.Cloud, true},
		{"the target is past", follower(-20, -1), running(tasks.Cloud), tasks.Cloud, false},
		{"the leader waits", follower(10, 30), queued(0, -1, 10), tasks.Local, true},
		{"the leader spills, too", follower(-1, 30), queued(0, -1, -2), tasks.Cloud, true},
		{"the leader spills later", follower(-1, 30), queued(0, -1, 20), tasks.Cloud, false},
		{"the leader has just been let go", follower(10, 30), queued(1, -1, 10), tasks.Local, true},
		{"the leader waits for its providers", follower(10, 30), queued(2, -9, 10), tasks.Local, false},
		{"the leader was canceled", follower(10, 30), &tasks.Job{State: tasks.Canceled}, tasks.Local, false},
		{"the leader runs later", follower(10, 30), &tasks.Job{State: tasks.Scheduled}, tasks.Local, false},
	} {
		if got := worthWaiting(test.job, test.leader, test.lane, now); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	for _, test := range []struct{ age, target, want int }{{0, 30, 1}, {12, 30, 3}, {60, 100, 5}, {60, 2, 2}, {60, -5, 1}} {
		j := &tasks.Job{CreatedAt: at(-test.age), TargetAt: at(test.target)}
		if got := lookAgain(j, now); got != time.Duration(test.want)*time.Second {
			t.Errorf("age %d s, target in %d s: comes back in %v, want %d s", test.age, test.target, got, test.want)
		}
	}
}
