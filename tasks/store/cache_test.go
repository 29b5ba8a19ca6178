package store_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

const digest = "d1"

// shared is a result as a model gave it, for a job.
func shared(id string) *store.Shared {
	return &store.Shared{JobID: id, Output: json.RawMessage(`{"score":7}`), Cost: 1_500_000, Tokens: tasks.Tokens{Input: 100, Output: 20}}
}

func take(t *testing.T, s *store.Store, id string) store.Joined {
	t.Helper()
	seat, err := s.JoinFlight(t.Context(), digest, id, time.Minute)
	if err != nil {
		t.Fatalf("take seat: %v", err)
	}
	return seat
}

func TestEqualJobsShareOneFlight(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		if seat := take(t, s, "a"); seat.Hit != nil || seat.Leader != "" {
			t.Errorf("the first: got %+v, want the lead", seat)
		}
		if seat := take(t, s, "a"); seat.Leader != "" {
			t.Errorf("the first once more: got %+v, want the lead", seat)
		}
		for _, id := range []string{"b", "c"} {
			if seat := take(t, s, id); seat.Leader != "a" {
				t.Errorf("%s: got %+v, want to follow a", id, seat)
			}
		}
		if seat, err := s.PeekFlight(t.Context(), digest); err != nil || seat.Leader != "a" {
			t.Errorf("peek: got %+v, %v, want leader a", seat, err)
		}
		waiting, err := s.CompleteFlight(t.Context(), digest, "a", shared("a"), time.Hour)
		if err != nil || !slices.Equal(waiting, []string{"b", "c"}) {
			t.Errorf("landed: got %q, %v, want b and c", waiting, err)
		}
		seat := take(t, s, "d")
		if seat.Hit == nil || seat.Hit.JobID != "a" || seat.Hit.Cost != 1_500_000 || seat.Hit.Tokens.Input != 100 {
			t.Errorf("after the landing: got %+v, want a's result", seat)
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:cache:{"+digest+"}").Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("the result is kept for %v, want an hour", ttl)
		}
	})
}

func TestAFlightThatFailsHasOneSuccessor(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		for _, id := range []string{"a", "b", "c"} {
			take(t, s, id)
		}
		over := func(id, from string) string {
			t.Helper()
			seat, err := s.TakeOverFlight(t.Context(), digest, id, from, time.Minute)
			if err != nil || seat.Hit != nil {
				t.Fatalf("take over: got %+v, %v", seat, err)
			}
			return seat.Leader
		}
		if got := over("b", "a"); got != "" {
			t.Errorf("b from a: got leader %q, want the lead", got)
		}
		if got := over("b", "a"); got != "" {
			t.Errorf("b from a once more: got leader %q, want the lead", got)
		}
		if got := over("c", "a"); got != "b" {
			t.Errorf("c from a: got leader %q, want b", got)
		}
		// What the first one says now is no longer about this flight.
		waiting, err := s.CompleteFlight(t.Context(), digest, "a", nil, 0)
		if err != nil || !slices.Equal(waiting, []string{"b", "c"}) {
			t.Errorf("landed without a result: got %q, %v", waiting, err)
		}
		if seat := take(t, s, "d"); seat.Leader != "b" {
			t.Errorf("after a's failure: got %+v, want to follow b", seat)
		}
		if _, err := s.CompleteFlight(t.Context(), digest, "b", shared("b"), time.Hour); err != nil {
			t.Fatalf("land: %v", err)
		}
		if seat, err := s.TakeOverFlight(t.Context(), digest, "c", "b", time.Minute); err != nil || seat.Hit == nil {
			t.Errorf("c from b, which has a result: got %+v, %v, want the result", seat, err)
		}
	})
}

func TestFollowersAreListedWithinBounds(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		for i := range 1_100 {
			take(t, s, strconv.Itoa(i))
		}
		for range 2 { // the reply to the first may be lost
			waiting, err := s.CompleteFlight(t.Context(), digest, "0", shared("0"), time.Hour)
			if err != nil || len(waiting) != 1000 || waiting[999] != "1099" {
				t.Fatalf("landed: got %d followers, %v, want the last 1000", len(waiting), err)
			}
		}
		if ttl := rdb.PTTL(t.Context(), "spillway:followers:{"+digest+"}").Val(); ttl <= 0 || ttl > time.Minute {
			t.Errorf("those who were told stay listed for %v", ttl)
		}
	})
}

func TestAFollowerIsNotClaimedButAdopted(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		leader, j := create(t, s), draft()
		if _, err := s.CreateFollowing(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}, leader.ID); err != nil {
			t.Fatalf("create: %v", err)
		}
		if j.Waiting == nil || j.Waiting.Queue != "shared.high" {
			t.Errorf("waiting: got %+v, want shared.high", j.Waiting)
		}
		if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Follows || c.Leader != leader.ID {
			t.Errorf("claim: got %+v, want one that follows %s", c, leader.ID)
		}
		for range 2 { // the reply to the first may be lost
			if _, err := s.CompleteShared(t.Context(), j.ID, shared(leader.ID)); err != nil {
				t.Fatalf("adopt: %v", err)
			}
		}
		got := job(t, s, j.ID)
		if got.State != tasks.Succeeded || got.AnsweredBy != tasks.ByCache || got.AnsweredAs != leader.ID || got.Saved != 1_500_000 || string(got.Result) != `{"score":7}` || got.Degraded {
			t.Errorf("job: got %+v", got)
		}
		if got, want := eventTypes(t, s, j.ID), []tasks.EventType{tasks.EventQueued, tasks.EventSucceeded}; !slices.Equal(got, want) {
			t.Errorf("events: got %v, want %v", got, want)
		}
		n, err := s.Counters(t.Context())
		if err != nil || n["total:cache"] != 1 || n["saved:picodollars"] != 1_500_000 || n["saved:tokens"] != 120 || n["now:queued"] != 1 {
			t.Errorf("counters: got %v, %v", n, err)
		}
		if left := rdb.ZRange(t.Context(), "spillway:{0}:waiting", 0, -1).Val(); len(left) != 2 {
			t.Errorf("places: got %v, want the leader's alone", left)
		}
	})
}

func TestAFollowerThatRunsByItself(t *testing.T) {
	s := open(t, redistest.Embedded(t))
	follower := func() *tasks.Job {
		t.Helper()
		j := draft()
		if _, err := s.CreateFollowing(t.Context(), j, json.RawMessage(`{}`), store.Idempotency{}, "first"); err != nil {
			t.Fatalf("create: %v", err)
		}
		return j
	}
	j := follower()
	if err := s.Unfollow(t.Context(), j.ID, "another", ""); err != nil {
		t.Fatalf("unfollow: %v", err)
	}
	if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Follows {
		t.Errorf("after a word about another one: got %s, want %s", c.Verdict, store.Follows)
	}
	if err := s.Unfollow(t.Context(), j.ID, "first", "second"); err != nil {
		t.Fatalf("unfollow: %v", err)
	}
	if c := claim(t, s, j.ID, "w1"); c.Leader != "second" {
		t.Errorf("after a change of leader: got %+v, want second", c)
	}
	if err := s.Unfollow(t.Context(), j.ID, "second", ""); err != nil {
		t.Fatalf("unfollow: %v", err)
	}
	if got := job(t, s, j.ID); got.Waiting == nil || got.Waiting.Queue != "local.high" {
		t.Errorf("waiting: got %+v, want local.high", got.Waiting)
	}
	if c := claim(t, s, j.ID, "w1"); c.Verdict != store.Claimed {
		t.Errorf("by itself: got %s, want %s", c.Verdict, store.Claimed)
	}
	if taken, err := s.CompleteShared(t.Context(), j.ID, shared("second")); taken || err != nil {
		t.Errorf("a result from elsewhere while it runs: got %v, %v, want it kept", taken, err)
	}

	late := follower() // its deadline has come: the last resort does not wait
	if c, err := s.Claim(t.Context(), late.ID, tasks.Scorecard, "w1"); err != nil || c.Verdict != store.Claimed {
		t.Errorf("by the scorecard: got %+v, %v, want %s", c, err, store.Claimed)
	}
}

func TestAJobMadeWithItsAnswer(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := open(t, rdb)
		once := store.Idempotency{Key: "k", Fingerprint: "f"}
		j := draft()
		j.ID, j.CallbackURL = s.NewID(tenant, once), "https://example.com/hook"
		if _, err := s.CreateCached(t.Context(), j, json.RawMessage(`{}`), once, shared("job_1")); err != nil {
			t.Fatalf("create: %v", err)
		}
		told, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := json.Marshal(job(t, s, j.ID))
		if err != nil || string(told) != string(stored) {
			t.Errorf("job:\n told %s\nstored %s, %v", told, stored, err)
		}
		if j.State != tasks.Succeeded || j.AnsweredBy != tasks.ByCache || j.Sequence != 1 || j.ExpiresAt.IsZero() {
			t.Errorf("job: got %+v", j)
		}
		if id, err := s.Replay(t.Context(), tenant, once); id != j.ID || err != nil {
			t.Errorf("replay: got %q, %v, want %q", id, err, j.ID)
		}
		out := rdb.XRange(t.Context(), "spillway:{0}:outbox", "-", "+").Val()
		if len(out) != 1 || out[0].Values["type"] != "job.succeeded" || out[0].Values["callback"] != "1" {
			t.Errorf("outbox: got %v, want the end of the job", out)
		}
		if due := rdb.ZCard(t.Context(), "spillway:{0}:due").Val(); due != 0 {
			t.Errorf("%d jobs are watched, want none", due)
		}
		certain := draft()
		if _, err := s.CreateClear(t.Context(), certain, json.RawMessage(`{}`), store.Idempotency{}, json.RawMessage(`{"score":9}`)); err != nil {
			t.Fatalf("create: %v", err)
		}
		if got := job(t, s, certain.ID); got.AnsweredBy != tasks.ByFastPath || got.Degraded || string(got.Result) != `{"score":9}` || got.AnsweredAs != "" {
			t.Errorf("clear case: got %+v", got)
		}
	})
}
