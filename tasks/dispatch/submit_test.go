package dispatch

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func submit(t *testing.T, s *system, sub tasks.Submission) *tasks.Job {
	t.Helper()
	j, _, err := s.Submit(t.Context(), "acme", &sub)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	return j
}

func TestSubmitRecordsTheJobAndIssuesItsTickets(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
		j := submit(t, s, valid(open))
		got, err := s.store.Job(t.Context(), "acme", j.ID)
		if err != nil || got.State != tasks.Queued {
			t.Fatalf("record: got %+v, %v, want a queued job", got, err)
		}
		if a, b := asJSON(t, j), asJSON(t, got); a != b {
			t.Errorf("job:\n told %s\nstored %s", a, b)
		}
		if got, _ := tickets(t, rdb); !slices.Equal(got, []string{"local.medium now"}) {
			t.Errorf("tickets: got %v, want one for the first lane", got)
		}
	})
}

// A watchdog looks at a job at its spill time at the latest, and then issues the second
// lane's ticket.
func TestTheSecondLaneGetsItsTicketAtTheSpillTime(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
		j := submit(t, s, valid(open))
		if !j.SpillAt.After(time.Now()) {
			t.Fatalf("it spills at %v, which is past", j.SpillAt)
		}
		watched := func() time.Time {
			t.Helper()
			due, err := rdb.ZScore(t.Context(), "spillway:{0}:due", j.ID).Result()
			if err != nil {
				t.Fatal(err)
			}
			return time.UnixMilli(int64(due))
		}
		if at := watched(); at.After(j.SpillAt) {
			t.Errorf("queued: watched from %v, want %v at the latest", at, j.SpillAt)
		}
		// The watchdog's first look comes before.
		rdb.ZAdd(t.Context(), "spillway:{0}:due", redis.Z{Score: 1, Member: j.ID})
		if found, err := s.store.Overdue(t.Context(), j.ID, true, 0); found != store.Idle || err != nil {
			t.Fatalf("first look: got %v, %v", found, err)
		}
		if at := watched(); at.After(j.SpillAt) || !at.After(time.Now()) {
			t.Errorf("after a look: watched from %v, want %v at the latest", at, j.SpillAt)
		}
		if err := s.Issue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if got, _ := tickets(t, rdb); !slices.Equal(got, []string{"local.medium now"}) {
			t.Errorf("after a look: got %v, want one for the first lane", got)
		}
		j.SpillAt = time.Now()
		if err := s.Issue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if got, _ := tickets(t, rdb); !slices.Equal(got, []string{"cloud.medium now", "local.medium now"}) {
			t.Errorf("at the spill time: got %v, want one for each lane", got)
		}
	})
}

func TestTicketsFollowWhatIsServed(t *testing.T) {
	for _, test := range []struct {
		name   string
		served []tasks.Lane
		agent  string
		want   []string
	}{
		{"only cloud lives", []tasks.Lane{tasks.Cloud, tasks.Scorecard}, open, []string{"cloud.medium now"}},
		{"only cloud lives, but the data must stay local", []tasks.Lane{tasks.Cloud, tasks.Scorecard}, private, []string{"scorecard now"}},
		{"both live, but the data must stay local", []tasks.Lane{tasks.Local, tasks.Cloud, tasks.Scorecard}, private, []string{"local.medium now"}},
		{"no model lives", []tasks.Lane{tasks.Scorecard}, open, []string{"scorecard now"}},
		{"nobody lives", nil, open, []string{"cloud.medium now", "local.medium now"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.beat(t, test.served...)
			submit(t, s, valid(test.agent))
			if got, _ := tickets(t, rdb); !slices.Equal(got, test.want) {
				t.Errorf("tickets: got %v, want %v", got, test.want)
			}
		})
	}
}

func TestAPriorityHasQueuesOfItsOwn(t *testing.T) {
	for _, test := range []struct {
		priority tasks.Priority
		queue    string
		want     []string
	}{
		{tasks.PriorityHigh, "local.medium.first", []string{"local.medium.first now"}},
		{tasks.PriorityNormal, "local.medium", []string{"local.medium now"}},
		{tasks.PriorityLow, "local.medium.last", []string{"local.medium.last now"}},
	} {
		t.Run(string(test.priority), func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
			sub := valid(open)
			sub.Priority = test.priority
			j := submit(t, s, sub)
			if got, _ := tickets(t, rdb); !slices.Equal(got, test.want) {
				t.Errorf("tickets: got %v, want %v", got, test.want)
			}
			told, err := s.Job(t.Context(), "acme", j.ID)
			if err != nil || told.Waiting.Queue != test.queue || told.Waiting.Position != 1 {
				t.Errorf("it waits: got %+v, %v, want the first in %s", told.Waiting, err, test.queue)
			}
		})
	}
}

// What waits before a job presses it: of two jobs that come at the same time the
// one of low priority may have no time for its first lane when the one of high
// priority has.
func TestALineOfJobsPressesThoseBehindIt(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
	for range 20 {
		submit(t, s, valid(open))
	}
	for _, test := range []struct {
		priority tasks.Priority
		reason   tasks.PlanReason
	}{
		{tasks.PriorityHigh, tasks.PlanFirstLane}, {tasks.PriorityNormal, tasks.PlanPressed}, {tasks.PriorityLow, tasks.PlanPressed},
	} {
		s.cache.until = time.Time{}
		sub := valid(open)
		sub.Priority = test.priority
		if j := submit(t, s, sub); j.Plan.Reason != test.reason {
			t.Errorf("priority %s: got %s, want %s", test.priority, j.Plan.Reason, test.reason)
		}
	}
}

func TestASubmissionAtFaultLeavesNothingBehind(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	for _, sub := range []tasks.Submission{{Agent: open, Language: "fr"}, {Agent: "A99"}} {
		if _, _, err := s.Submit(t.Context(), "acme", &sub); err == nil {
			t.Errorf("submission %+v was taken", sub)
		}
	}
	if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) > 0 {
		t.Errorf("in Redis: got %v, want nothing", keys)
	}
}

func TestAJobIsTakenAlthoughTheQueueIsDown(t *testing.T) {
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer away.Close()
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, away, anyURL)
	j := submit(t, s, valid(open))
	if _, err := s.store.Find(t.Context(), j.ID); err != nil {
		t.Errorf("record: %v", err)
	}
	// The watchdog finds it here.
	due, err := rdb.ZScore(t.Context(), "spillway:{0}:due", j.ID).Result()
	if latest := j.CreatedAt.Add(store.DefaultConfig().Recheck); err != nil || int64(due) > latest.UnixMilli() {
		t.Errorf("watched from: got %v, %v, want %v at the latest", due, err, latest)
	}
}

func TestAJobIsRefusedWhenItCannotBeRecorded(t *testing.T) {
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer away.Close()
	rdb := redistest.Embedded(t)
	s := newSystem(t, away, rdb, anyURL)
	sub := valid(open)
	_, _, err := s.Submit(t.Context(), "acme", &sub)
	if got := tasks.CodeOf(err); got != tasks.CodeUnavailable {
		t.Errorf("error: got %v, want code %s", err, tasks.CodeUnavailable)
	}
	if got, _ := tickets(t, rdb); len(got) > 0 {
		t.Errorf("tickets: got %v, want none", got)
	}
}

func TestTicketsAreIssuedAlthoughTheCallerIsGone(t *testing.T) {
	rdb := redistest.Embedded(t)
	ctx, hangUp := context.WithCancel(t.Context())
	s := newSystem(t, rdb, rdb, anyURL)
	submit(t, s, valid(open)) // Redis knows the scripts from here on
	// The caller hangs up once its job is recorded: by the first script, since the cache is not asked.
	rdb.AddHook(after("evalsha", hangUp))
	sub := valid(open)
	sub.Cache = tasks.CacheBypassed
	if _, _, err := s.Submit(ctx, "acme", &sub); err != nil || ctx.Err() == nil {
		t.Fatalf("submit: got %v, caller %v; want a job and a caller that is gone", err, ctx.Err())
	}
	if got, _ := tickets(t, rdb); len(got) != 2 {
		t.Errorf("tickets: got %v, want one of each job", got)
	}
}

// after calls do after each command of that name.
func after(command string, do func()) redis.Hook { return hook{command, do} }

type hook struct {
	command string
	do      func()
}

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == h.command && err == nil {
			h.do()
		}
		return err
	}
}

func TestIssuingTheSameChancesTwiceMakesOneTicketEach(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Cloud)
	j := submit(t, s, valid(open))
	j.SpillAt = time.Now()
	for range 2 {
		if err := s.Issue(t.Context(), j); err != nil {
			t.Fatalf("issue: %v", err)
		}
	}
	if got, _ := tickets(t, rdb); len(got) != 2 {
		t.Errorf("tickets: got %v, want two", got)
	}
}

func TestTicketsForAGivenTime(t *testing.T) {
	at := time.Now().Add(time.Hour)
	for _, test := range []struct {
		name string
		job  tasks.Job
		want []string
	}{
		{"one for each open lane with a model",
			tasks.Job{State: tasks.Queued, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud, tasks.Scorecard}}, []string{"cloud.low later", "local.low later"}},
		{"none for a lane that has given up",
			tasks.Job{State: tasks.Queued, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud}, Exhausted: []tasks.Lane{tasks.Local}}, []string{"cloud.low later"}},
		{"none for a job that is not queued",
			tasks.Job{State: tasks.Running, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			test.job.ID, test.job.Complexity = tasks.NewID(), tasks.Low
			if err := s.IssueAt(t.Context(), &test.job, at); err != nil {
				t.Fatalf("issue: %v", err)
			}
			got, due := tickets(t, rdb)
			if !slices.Equal(got, test.want) {
				t.Errorf("tickets: got %v, want %v", got, test.want)
			}
			if len(got) > 0 && !due.Equal(at.Truncate(time.Second)) {
				t.Errorf("due: got %v, want %v", due, at)
			}
		})
	}
}

func TestALookAtTheRegistryServesForAMoment(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	served := func() bool {
		t.Helper()
		view, err := s.View(t.Context())
		if err != nil {
			t.Fatalf("live: %v", err)
		}
		return view.Serves(tasks.Local, &tasks.Job{Agent: open, Complexity: tasks.Low})
	}
	s.beat(t, tasks.Local)
	if !served() {
		t.Error("with a live worker: got nothing served")
	}
	if err := s.store.SignOff(t.Context(), &tasks.Worker{ID: "w1"}); err != nil {
		t.Fatalf("sign off: %v", err)
	}
	if !served() {
		t.Error("at once after its sign-off: got nothing served, want what was seen a moment ago")
	}
	s.cache.until = s.cache.until.Add(-viewTTL)
	if served() {
		t.Error("a while after its sign-off: got local served")
	}
}

// What was right when a key made its job may not be any more: its replay is not
// refused for that.
func TestAReplayIsNotCheckedAgain(t *testing.T) {
	rdb := redistest.Embedded(t)
	var refuse error
	s := newSystem(t, rdb, rdb, func(string) error { return refuse })
	s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
	sub := valid(sharing)
	sub.IdempotencyKey, sub.CallbackURL = "key 1", "https://example.com/hook"
	j := submit(t, s, sub)
	refuse = errors.New("is not allowed any more")
	if got, replayed, err := s.Submit(t.Context(), "acme", &sub); err != nil || !replayed || got.ID != j.ID {
		t.Errorf("sent again: got %+v, %v, %v", got, replayed, err)
	}
	sub.IdempotencyKey = "key 2"
	if _, _, err := s.Submit(t.Context(), "acme", &sub); tasks.CodeOf(err) != tasks.CodeInvalid {
		t.Errorf("under a new key: got %v, want %s", err, tasks.CodeInvalid)
	}
}
