package agentstore

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks/agents"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// builtin returns the folder of a built-in agent with another title.
func builtin(t *testing.T, title string) *agents.Folder {
	t.Helper()
	f, err := agents.ReadFolder("../agents/a02_opportunity_scoring")
	if err != nil {
		t.Fatal(err)
	}
	f.Files["agent.yaml"] = strings.Replace(f.Files["agent.yaml"], "Opportunity scoring", title, 1)
	return f
}

func push(t *testing.T, s *Store, f *agents.Folder) *Version {
	t.Helper()
	v, err := s.Push(t.Context(), f, "me")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// titleIn returns the title of A02 in a process that loads what is pushed.
func titleIn(t *testing.T, s *Store, c *agents.Catalogue) string {
	t.Helper()
	if _, err := s.Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	a, ok := c.Lookup("A02")
	if !ok {
		return "none"
	}
	return a.Title["en"]
}

func catalogue(t *testing.T) *agents.Catalogue {
	t.Helper()
	c, err := agents.Open("", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAgentsArePushedAndTakenBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		ctx, s, c := t.Context(), New(rdb), catalogue(t)
		first, second := push(t, s, builtin(t, "First")), push(t, s, builtin(t, "Second"))
		steps := []struct {
			name string
			do   func() error
			want string
		}{
			{"pushed twice", func() error { return nil }, "Second"},
			{"rolled back", func() error { _, err := s.Switch(ctx, "A02", ""); return err }, "First"},
			{"forward again", func() error { _, err := s.Switch(ctx, "A02", second.Version[:6]); return err }, "Second"},
			{"removed", func() error { _, err := s.Remove(ctx, "A02"); return err }, "Opportunity scoring"},
			{"brought back", func() error { _, err := s.Switch(ctx, "A02", ""); return err }, "Second"},
			{"the old one pushed again", func() error { push(t, s, builtin(t, "First")); return nil }, "First"},
		}
		for _, step := range steps {
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := titleIn(t, s, c); got != step.want {
				t.Errorf("%s: got %s, want %s", step.name, got, step.want)
			}
		}
		all, err := s.Versions(ctx, "A02")
		if err != nil || len(all) != 2 || !all[0].Current || all[0].Version != first.Version || all[0].By != "me" {
			t.Errorf("versions: got %+v, %v; want the first, current, and the second", all, err)
		}
		if _, err := s.Switch(ctx, "A02", "ffff"); err == nil {
			t.Error("a version that is not kept becomes current")
		}
		if was, err := s.Remove(ctx, "A99"); was || err != nil {
			t.Errorf("an agent that is not there: got %v, %v", was, err)
		}
	})
}

func TestOldVersionsAreForgotten(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := New(rdb)
	for i := range kept + 3 {
		push(t, s, builtin(t, strings.Repeat("x", i+1)))
	}
	all, err := s.Versions(t.Context(), "A02")
	if n, _ := rdb.HLen(t.Context(), foldersKey("A02")).Result(); err != nil || len(all) != kept || n != kept {
		t.Errorf("got %d versions and %d folders, %v; want %d of each", len(all), n, err, kept)
	}
}

// A process that cannot load what was pushed, as one of an older version, keeps
// the version before it and says so.
func TestAPushedAgentThatDoesNotLoadIsAFault(t *testing.T) {
	rdb := redistest.Embedded(t)
	s, c := New(rdb), catalogue(t)
	push(t, s, builtin(t, "First"))
	titleIn(t, s, c)
	bad := push(t, s, builtin(t, "Second"))
	if err := rdb.HSet(t.Context(), foldersKey("A02"), bad.Version, `{"folder":{"name":"a02_x","files":{"agent.yaml":"id: A02\nfuture: 1\n"}}}`).Err(); err != nil {
		t.Fatal(err)
	}
	if got := titleIn(t, s, c); got != "First" || len(c.Faults()) != 1 || !strings.Contains(c.Faults()[0].Detail, "future") {
		t.Errorf("got %s, faults %+v; want the first version, and one fault", got, c.Faults())
	}
	// One that starts now has no good version, and must not use the built-in one.
	fresh := catalogue(t)
	if got := titleIn(t, s, fresh); got != "none" || len(fresh.Faults()) != 1 {
		t.Errorf("a new process: got %s, faults %+v; want no such agent, and one fault", got, fresh.Faults())
	}
}

// An error in the middle of a push leaves a version current that is kept as a
// whole, and a repeat mends the rest.
func TestAPushThatFailsInItsMiddle(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		ctx, s, c := t.Context(), New(rdb), catalogue(t)
		push(t, s, builtin(t, "First"))
		for _, key := range []string{foldersKey("A02"), historyKey("A02"), currentKey} {
			// Of a wrong type, the key refuses every command of the script.
			if err := rdb.Rename(ctx, key, "aside").Err(); err != nil {
				t.Fatal(err)
			}
			if err := rdb.Set(ctx, key, "x", 0).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Push(ctx, builtin(t, "Second"), "me"); err == nil {
				t.Errorf("%s of a wrong type: the push does not fail", key)
			}
			if err := rdb.Rename(ctx, "aside", key).Err(); err != nil {
				t.Fatal(err)
			}
			if got := titleIn(t, s, c); got != "First" {
				t.Errorf("after %s failed: got %s, want First", key, got)
			}
		}
		push(t, s, builtin(t, "Second"))
		if all, err := s.Versions(ctx, "A02"); err != nil || len(all) != 2 || titleIn(t, s, c) != "Second" {
			t.Errorf("after a repeat: got %+v, %v", all, err)
		}
	})
}

// A change whose number cannot be written is not made: no process would hear of it,
// and a repeat would find nothing to do.
func TestAChangeThatNobodyWouldHearOfIsNotMade(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		ctx, s := t.Context(), New(rdb)
		first, second := push(t, s, builtin(t, "First")), push(t, s, builtin(t, "Second"))
		changes := map[string]func() error{
			"push":   func() error { _, err := s.Push(ctx, builtin(t, "Third"), "me"); return err },
			"switch": func() error { _, err := s.Switch(ctx, "A02", first.Version); return err },
			"remove": func() error { _, err := s.Remove(ctx, "A02"); return err },
		}
		if err := rdb.HSet(ctx, currentKey, revisionField, "x").Err(); err != nil {
			t.Fatal(err)
		}
		for name, change := range changes {
			if err := change(); err == nil {
				t.Errorf("%s: no error", name)
			}
			if got, err := rdb.HGet(ctx, currentKey, "A02").Result(); err != nil || got != second.Version {
				t.Errorf("%s: %q is current, %v; want the second", name, got, err)
			}
		}
	})
}
