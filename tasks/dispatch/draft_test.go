package dispatch

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// valid is the smallest submission of an agent.
func valid(agent string) tasks.Submission {
	return tasks.Submission{Agent: agent, Input: json.RawMessage(`{"kind":"good"}`)}
}

func TestWhatTheCallerLeavesOpenTheAgentSets(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	now := time.Now().UTC().Truncate(time.Millisecond)
	want := tasks.Job{
		Tenant: "acme", Agent: open, Complexity: tasks.Medium, Language: tasks.Chinese, Privacy: tasks.PrivacyAny,
		OnExhausted: tasks.Degrade, Lanes: []tasks.Lane{tasks.Local, tasks.Cloud, tasks.Scorecard},
		TargetAt: now.Add(30 * time.Second), Deadline: now.Add(5 * time.Minute),
	}
	for _, test := range []struct {
		name string
		ask  func(*tasks.Submission)
		want func(*tasks.Job)
	}{
		{"nothing said", func(*tasks.Submission) {}, func(*tasks.Job) {}},
		{"complexity", func(s *tasks.Submission) { s.Complexity = tasks.Low },
			func(j *tasks.Job) { j.Complexity = tasks.Low }},
		{"language", func(s *tasks.Submission) { s.Language = tasks.English },
			func(j *tasks.Job) { j.Language = tasks.English }},
		{"priority", func(s *tasks.Submission) { s.Priority = tasks.PriorityHigh },
			func(j *tasks.Job) { j.Priority = tasks.PriorityHigh }},
		{"priority, and it is the usual one", func(s *tasks.Submission) { s.Priority = tasks.PriorityNormal }, func(*tasks.Job) {}},
		{"local only", func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly },
			func(j *tasks.Job) {
				j.Privacy, j.Lanes = tasks.LocalOnly, []tasks.Lane{tasks.Local, tasks.Scorecard}
			}},
		{"masked may go to the cloud", func(s *tasks.Submission) { s.Privacy = tasks.Masked },
			func(j *tasks.Job) { j.Privacy = tasks.Masked }},
		{"wait instead of degrade", func(s *tasks.Submission) { s.OnExhausted = tasks.Wait },
			func(j *tasks.Job) {
				j.OnExhausted, j.Lanes = tasks.Wait, []tasks.Lane{tasks.Local, tasks.Cloud}
				j.Deadline = now.Add(24 * time.Hour) // survives a long outage
			}},
		{"wait, but not for long", func(s *tasks.Submission) { s.OnExhausted, s.Deadline = tasks.Wait, now.Add(time.Hour) },
			func(j *tasks.Job) {
				j.OnExhausted, j.Lanes = tasks.Wait, []tasks.Lane{tasks.Local, tasks.Cloud}
				j.Deadline = now.Add(time.Hour)
			}},
		{"a later deadline leaves the target", func(s *tasks.Submission) { s.Deadline = now.Add(time.Hour) },
			func(j *tasks.Job) { j.Deadline = now.Add(time.Hour) }},
		{"a deadline before the target is the target", func(s *tasks.Submission) { s.Deadline = now.Add(15 * time.Second) },
			func(j *tasks.Job) {
				j.Deadline, j.TargetAt = now.Add(15*time.Second), now.Add(15*time.Second)
			}},
		{"the caller's own", func(s *tasks.Submission) {
			s.CallbackURL, s.Metadata = "https://example.com/hook", map[string]string{"deal": "7"}
		}, func(j *tasks.Job) {
			j.CallbackURL, j.Metadata = "https://example.com/hook", map[string]string{"deal": "7"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, want := valid(open), want
			test.ask(&s)
			test.want(&want)
			got, err := d.draft("acme", read(&s), now)
			if err != nil {
				t.Fatalf("draft: %v", err)
			}
			if got.AgentVersion == "" || !got.CreatedAt.Equal(now) {
				t.Errorf("job: got agent version %q, created at %v", got.AgentVersion, got.CreatedAt)
			}
			want.AgentVersion, want.CreatedAt = got.AgentVersion, got.CreatedAt
			if a, b := asJSON(t, got), asJSON(t, &want); a != b {
				t.Errorf("job:\n got %s\nwant %s", a, b)
			}
		})
	}
}

func asJSON(t *testing.T, j *tasks.Job) string {
	t.Helper()
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPrivacyIsNeverLessThanTheAgents(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	for _, asked := range []tasks.Privacy{"", tasks.PrivacyAny, tasks.LocalOnly} {
		t.Run("asked for "+string(asked), func(t *testing.T) {
			s := valid(private)
			s.Privacy = asked
			j, err := d.draft("acme", read(&s), time.Now())
			if err != nil {
				t.Fatalf("draft: %v", err)
			}
			if j.Privacy != tasks.LocalOnly || slices.Contains(j.Lanes, tasks.Cloud) {
				t.Errorf("job: got privacy %q on lanes %v", j.Privacy, j.Lanes)
			}
		})
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), func(string) error { return errors.New("is not https") })
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, test := range []struct {
		name  string
		agent string
		ask   func(*tasks.Submission)
		want  []string // pointers
	}{
		{"everything", open, func(s *tasks.Submission) {
			*s = tasks.Submission{
				Agent: open, Complexity: "huge", Language: "fr", Privacy: "secret", Priority: "urgent", OnExhausted: "panic",
				Deadline: now.Add(-time.Second), CallbackURL: "ftp://x", Input: json.RawMessage(`{"kind":1}`),
			}
		}, []string{"/complexity", "/language", "/privacy", "/priority", "/on_exhausted", "/deadline", "/callback_url", "/input/kind"}},
		{"the deadline is now", open, func(s *tasks.Submission) { s.Deadline = now }, []string{"/deadline"}},
		{"the deadline is too far", open, func(s *tasks.Submission) { s.Deadline = now.Add(maxDeadline + time.Second) }, []string{"/deadline"}},
		{"the farthest deadline is fine", open, func(s *tasks.Submission) { s.Deadline = now.Add(maxDeadline) }, nil},
		{"no input", open, func(s *tasks.Submission) { s.Input = nil }, []string{"/input"}},
		{"input that is not JSON", open, func(s *tasks.Submission) { s.Input = json.RawMessage("{") }, []string{"/input"}},
		{"input that lacks something", open, func(s *tasks.Submission) { s.Input = json.RawMessage(`{}`) }, []string{"/input/kind"}},
		{"a privacy level that is none, of an agent that stays local", private,
			func(s *tasks.Submission) { s.Privacy = "secret" }, []string{"/privacy"}},
		{"a cloud agent whose data must stay local", remote,
			func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly }, []string{"/privacy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := valid(test.agent)
			test.ask(&s)
			_, err := d.draft("acme", read(&s), now)
			var got []string
			if e, ok := errors.AsType[*tasks.Error](err); ok {
				if e.Code != tasks.CodeInvalid {
					t.Errorf("code: got %s, want %s", e.Code, tasks.CodeInvalid)
				}
				for _, f := range e.Faults {
					got = append(got, f.Pointer)
					if f.Detail == "" {
						t.Errorf("%s: nothing says what is wrong", f.Pointer)
					}
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("faults: got %v (%v), want %v", got, err, test.want)
			}
		})
	}
}

func TestAnUnknownAgentIsRefusedWithThoseThereAre(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	s := valid("A99")
	_, err := d.draft("acme", read(&s), time.Now())
	e, ok := errors.AsType[*tasks.Error](err)
	if !ok || e.Code != tasks.CodeUnknownAgent || !strings.Contains(e.Message, open) {
		t.Fatalf("error: got %v, want %s with the agents' IDs", err, tasks.CodeUnknownAgent)
	}
	if len(e.Faults) != 1 || e.Faults[0].Pointer != "/agent" {
		t.Errorf("faults: got %v, want /agent", e.Faults)
	}
}

func TestACallbackNeedsASecretToSignWith(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), nil)
	s := valid(open)
	s.CallbackURL = "https://example.com/hook"
	_, err := d.draft("acme", read(&s), time.Now())
	e, ok := errors.AsType[*tasks.Error](err)
	if !ok || len(e.Faults) != 1 || !strings.Contains(e.Faults[0].Detail, "SPILLWAY_WEBHOOK_SECRET") {
		t.Errorf("error: got %v, want one that names the missing setting", err)
	}
}

func TestATenantsLeastPrivacyCanOnlyBeTightened(t *testing.T) {
	d := newSystem(t, redistest.Embedded(t), redistest.Embedded(t), anyURL)
	d.cfg.LeastPrivacy = func(tenant string) tasks.Privacy {
		return map[string]tasks.Privacy{"strict": tasks.LocalOnly, "masked": tasks.Masked}[tenant]
	}
	for _, test := range []struct {
		tenant    string
		ask, want tasks.Privacy
	}{
		{"free", "", tasks.PrivacyAny},
		{"free", tasks.Masked, tasks.Masked},
		{"masked", "", tasks.Masked},
		{"masked", tasks.PrivacyAny, tasks.Masked},
		{"masked", tasks.LocalOnly, tasks.LocalOnly},
		{"strict", tasks.Masked, tasks.LocalOnly},
	} {
		s := valid(open)
		s.Privacy = test.ask
		j, err := d.draft(test.tenant, read(&s), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if j.Privacy != test.want || slices.Contains(j.Lanes, tasks.Cloud) != (test.want != tasks.LocalOnly) {
			t.Errorf("%s asks for %q: got %s on %v, want %s", test.tenant, test.ask, j.Privacy, j.Lanes, test.want)
		}
	}
}
