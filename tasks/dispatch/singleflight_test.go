package dispatch

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/equal"
	"github.com/topcentral/spillway/tasks/store"
)

// sharing is an agent whose results are kept for an hour, and whose scorecard
// calls the kind "certain" clear.
const sharing = "T4"

// answered claims a job, and ends it with a model's result that cost something;
// then the result is shared as workers do.
func (s *system) answered(t *testing.T, j *tasks.Job, input string) {
	t.Helper()
	c, err := s.store.Claim(t.Context(), j.ID, tasks.Local, "w1")
	if err != nil || c.Verdict != store.Claimed {
		t.Fatalf("claim: got %+v, %v", c, err)
	}
	if err := s.store.Complete(t.Context(), j.ID, c.Job.Attempt, store.Result{Output: json.RawMessage(`{"score":7}`)}, nil); err != nil {
		t.Fatalf("complete: %v", err)
	}
	digest, err := equal.Digest(j, json.RawMessage(input))
	if err != nil {
		t.Fatalf("digest: %v", err)
	}
	result := &store.Shared{JobID: j.ID, Output: json.RawMessage(`{"score":7}`), Cost: 250, Tokens: tasks.Tokens{Input: 10, Output: 5}}
	if _, err := s.store.CompleteFlight(t.Context(), digest, j.ID, result, time.Hour); err != nil {
		t.Fatalf("land: %v", err)
	}
}

func TestAnEqualJobIsAnsweredAtOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
		first := submit(t, s, valid(sharing))
		s.answered(t, first, `{"kind":"good"}`)
		again := valid(sharing)
		again.Input, again.IdempotencyKey = json.RawMessage(` { "kind" : "good" } `), "key 1"
		j := submit(t, s, again)
		if j.State != tasks.Succeeded || j.AnsweredBy != tasks.ByCache || j.AnsweredAs != first.ID || j.Saved != 250 ||
			string(j.Result) != `{"score":7}` || j.Plan.Reason != tasks.PlanCached {
			t.Errorf("job: got %s", asJSON(t, j))
		}
		if got, err := s.Job(t.Context(), "acme", j.ID); err != nil || asJSON(t, got) != asJSON(t, j) {
			t.Errorf("job:\n told %s\nstored %s, %v", asJSON(t, j), asJSON(t, got), err)
		}
		if got, replayed, err := s.Submit(t.Context(), "acme", &again); err != nil || !replayed || got.ID != j.ID {
			t.Errorf("sent again: got %+v, %v, %v", got, replayed, err)
		}
		if n, err := s.store.Counters(t.Context()); err != nil || n["total:cache"] != 1 || n["saved:picodollars"] != 250 || n["saved:tokens"] != 15 {
			t.Errorf("counters: got %v, %v", n, err)
		}
		if all, _ := tickets(t, rdb); len(all) != 1 {
			t.Errorf("tickets: got %v, want that of the first job", all)
		}
	})
}

func TestWhatIsNotEqualRuns(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
	s.answered(t, submit(t, s, valid(sharing)), `{"kind":"good"}`)
	for name, change := range map[string]func(*tasks.Submission){
		"another input":       func(s *tasks.Submission) { s.Input = json.RawMessage(`{"kind":"better"}`) },
		"another language":    func(s *tasks.Submission) { s.Language = tasks.English },
		"another privacy":     func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly },
		"another model class": func(s *tasks.Submission) { s.Complexity = tasks.High },
		"another candidate":   func(s *tasks.Submission) { s.Candidates = []string{"kimi"} },
		"no wish for it":      func(s *tasks.Submission) { s.Cache = tasks.CacheBypassed },
		"another agent":       func(s *tasks.Submission) { s.Agent = open },
		"a later time":        func(s *tasks.Submission) { s.RunAt = time.Now().Add(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			sub := valid(sharing)
			change(&sub)
			if j := submit(t, s, sub); j.State == tasks.Succeeded {
				t.Errorf("got the other's result: %s", asJSON(t, j))
			}
		})
	}
	t.Run("another tenant", func(t *testing.T) {
		sub := valid(sharing)
		if j, _, err := s.Submit(t.Context(), "other", &sub); err != nil || j.State == tasks.Succeeded {
			t.Errorf("got %+v, %v", j, err)
		}
	})
}

func TestACacheThatFailsIsPassedBy(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	first := submit(t, s, valid(sharing))
	digest, err := equal.Digest(first, json.RawMessage(`{"kind":"good"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := rdb.LPush(t.Context(), "spillway:cache:{"+digest+"}", "nonsense").Err(); err != nil {
		t.Fatal(err)
	}
	if j := submit(t, s, valid(sharing)); j.State != tasks.Queued || j.Plan.Reason == tasks.PlanShared {
		t.Errorf("job: got %s, want one that runs by itself", asJSON(t, j))
	}
}

func TestAClearCaseNeedsNoModel(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	for _, test := range []struct {
		kind string
		fast bool
		want tasks.AnsweredBy
	}{{"certain", true, tasks.ByFastPath}, {"certain", false, ""}, {"good", true, ""}} {
		sub := valid(sharing)
		sub.Input, sub.FastPath = json.RawMessage(`{"kind":"`+test.kind+`"}`), test.fast
		j := submit(t, s, sub)
		if j.AnsweredBy != test.want || j.Degraded || (test.want != "") != (j.State == tasks.Succeeded) {
			t.Errorf("%s, fast path %v: got %s", test.kind, test.fast, asJSON(t, j))
		}
		if test.want != "" && (string(j.Result) != `{"score":50}` || j.Plan.Reason != tasks.PlanFastPath) {
			t.Errorf("clear case: got %s", asJSON(t, j))
		}
	}
}

func TestAFlexibleJobLeadsNobody(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	sub := valid(sharing)
	sub.Flexible = true
	submit(t, s, sub)
	if j := submit(t, s, valid(sharing)); j.Plan.Reason == tasks.PlanShared {
		t.Error("a job waits for one that may wait for hours")
	}
}

func TestAPreviewRecordsNothing(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.cfg.MaxCost = func(_ *tasks.Job, _ json.RawMessage, candidate string) tasks.Money {
		return map[string]tasks.Money{"deepseek/chat": 40, "kimi/k2": 90}[candidate]
	}
	s.cfg.Masked = func(*tasks.Job, json.RawMessage) map[string]int { return map[string]int{"phone": 2} }
	w := &tasks.Worker{ID: "w1", Serves: []tasks.LaneService{
		{Lane: tasks.Cloud, Queues: []string{"cloud.medium"}, Slots: 1, Models: []string{"deepseek/chat", "kimi/k2"}},
	}}
	if err := s.store.Beat(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	first := submit(t, s, valid(sharing))
	before := strings.Join(sorted(rdb.Keys(t.Context(), "*").Val()), " ")
	preview := func(sub tasks.Submission) *tasks.Preview {
		t.Helper()
		p, err := s.Preview(t.Context(), "acme", &sub)
		if err != nil {
			t.Fatalf("preview: %v", err)
		}
		return p
	}
	sub := valid(sharing)
	sub.Privacy, sub.IdempotencyKey = tasks.PrivacyAny, "k"
	p := preview(sub)
	if p.Job.ID != "" || p.Job.State != tasks.Queued || p.Job.Plan.Reason != tasks.PlanShared || p.MaxCost != 90 || p.Job.Retention == 0 {
		t.Errorf("preview: got %+v of %s", p, asJSON(t, p.Job))
	}
	certain := valid(sharing)
	certain.Input, certain.FastPath = json.RawMessage(`{"kind":"certain"}`), true
	if p := preview(certain); p.AnsweredBy != tasks.ByFastPath || p.MaxCost != 0 {
		t.Errorf("preview of a clear case: got %+v", p)
	}
	if after := strings.Join(sorted(rdb.Keys(t.Context(), "*").Val()), " "); after != before {
		t.Errorf("Redis had\n%s\nand has\n%s", before, after)
	}
	s.answered(t, first, `{"kind":"good"}`)
	if p := preview(sub); p.AnsweredBy != tasks.ByCache || p.Job.AnsweredAs != first.ID {
		t.Errorf("preview of an equal job: got %+v of %s", p, asJSON(t, p.Job))
	}
	bad := valid(sharing)
	bad.Language = "fr"
	if _, err := s.Preview(t.Context(), "acme", &bad); tasks.CodeOf(err) != tasks.CodeInvalid {
		t.Errorf("preview of a bad submission: got %v", err)
	}
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

// Of two requests with one key one makes the job. When the other one leads the flight,
// it passes it on.
func TestASeatIsPassedToTheJobThatWasMadeInstead(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		sub := valid(sharing)
		sub.IdempotencyKey = "key 1"
		r := read(&sub)
		once, err := r.idempotency()
		if err != nil {
			t.Fatal(err)
		}
		drafted, err := s.draft("acme", r, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		drafted.ID = s.store.NewID("acme", once)
		k := s.findShortcut(t.Context(), drafted, r, s.join)
		made := submit(t, s, sub) // it is faster, and follows
		if made.Plan.Reason != tasks.PlanShared {
			t.Fatalf("plan: got %+v, want one that follows", made.Plan)
		}
		if id, err := s.create(t.Context(), drafted, sub.Input, once, k); err != nil || id != made.ID {
			t.Fatalf("create: got %s, %v, want a replay of %s", id, err, made.ID)
		}
		if c, err := s.store.Claim(t.Context(), made.ID, tasks.Local, "w1"); err != nil || c.Verdict != store.Claimed {
			t.Errorf("the job that was made: got %+v, %v, want it to run", c, err)
		}
		sub.IdempotencyKey = ""
		if found := s.findShortcut(t.Context(), &tasks.Job{
			ID: tasks.NewID(), Tenant: "acme", Agent: made.Agent, AgentVersion: made.AgentVersion, Language: made.Language,
			Privacy: made.Privacy, Complexity: made.Complexity, Deadline: made.Deadline,
		}, r, s.join).shared; found.Leader != made.ID {
			t.Errorf("an equal one follows %q, want %s", found.Leader, made.ID)
		}
	})
}

// A request that is repeated after its job has ended gets that job, and leaves
// nobody waiting for one that is never made.
func TestAReplayOfAnEndedJobLeadsNobody(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		s := newSystem(t, rdb, rdb, anyURL)
		s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
		sub := valid(sharing)
		sub.IdempotencyKey = "key 1"
		j := submit(t, s, sub)
		if _, err := s.store.Cancel(t.Context(), "acme", j.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		digest, err := equal.Digest(j, sub.Input)
		if err != nil {
			t.Fatalf("digest: %v", err)
		}
		if _, err := s.store.CompleteFlight(t.Context(), digest, j.ID, nil, 0); err != nil { // as whoever cancels it does
			t.Fatalf("land: %v", err)
		}
		if got, replayed, err := s.Submit(t.Context(), "acme", &sub); err != nil || !replayed || got.ID != j.ID {
			t.Errorf("sent again: got %+v, %v, %v", got, replayed, err)
		}
		if found, err := s.store.PeekFlight(t.Context(), digest); err != nil || found.Leader != "" {
			t.Errorf("flight: got %+v, %v, want no leader", found, err)
		}
		sub.Deadline = time.Now().Add(-time.Hour) // another request, which is at fault as well
		if _, _, err := s.Submit(t.Context(), "acme", &sub); tasks.CodeOf(err) != tasks.CodeKeyReused {
			t.Errorf("another request: got %v, want %s", err, tasks.CodeKeyReused)
		}
	})
}

// A request that is repeated while its job runs leaves no follower behind: the list of
// those who are told of the result is bounded, and others need their places.
func TestAReplayTakesNobodysSeat(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Cloud, tasks.Scorecard)
	for name, flexible := range map[string]bool{"job": false, "flexible job": true} {
		t.Run(name, func(t *testing.T) {
			rdb.FlushAll(t.Context())
			sub := valid(sharing)
			sub.IdempotencyKey, sub.Flexible = "key 1", flexible
			j := submit(t, s, sub)
			digest, err := equal.Digest(j, sub.Input)
			if err != nil {
				t.Fatalf("digest: %v", err)
			}
			for range 3 {
				if got, replayed, err := s.Submit(t.Context(), "acme", &sub); err != nil || !replayed || got.ID != j.ID {
					t.Fatalf("sent again: got %+v, %v, %v", got, replayed, err)
				}
			}
			leader := j.ID
			if flexible {
				leader = ""
			}
			if found, err := s.store.PeekFlight(t.Context(), digest); err != nil || found.Leader != leader {
				t.Errorf("flight: got %+v, %v, want that of %q", found, err, leader)
			}
			if waiting, err := s.store.CompleteFlight(t.Context(), digest, j.ID, nil, 0); err != nil || len(waiting) != 0 {
				t.Errorf("waiting for the result: got %v, %v, want nobody", waiting, err)
			}
		})
	}
}
