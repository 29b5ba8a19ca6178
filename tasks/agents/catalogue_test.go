package agents

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// write saves the folder in a directory.
func (f *folder) write(t *testing.T, dir string) {
	t.Helper()
	for name, data := range f.files {
		path := filepath.Join(dir, f.base(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// titled returns the tiny agent as another folder, with an ID and a title.
func titled(t *testing.T, base, id, title string) *folder {
	f := tiny().edit(t, definitionFile, "id: T1", "id: "+id).edit(t, definitionFile, "en: Try", "en: "+title)
	f.path = base
	return f
}

func TestOverlayReplacesAndAdds(t *testing.T) {
	dir := t.TempDir()
	titled(t, "a02_mine", "A02", "Mine").write(t, dir)
	titled(t, "t1_new", "T1", "New").write(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range c.All() {
		ids = append(ids, a.ID)
	}
	if got, want := strings.Join(ids, " "), builtinsAnd(t, "T1"); got != want {
		t.Errorf("got agents %s, want %s", got, want)
	}
	if a, _ := c.Lookup("A02"); a.Title["en"] != "Mine" {
		t.Errorf("A02 is %q, not the overlay's", a.Title["en"])
	}
	if _, ok := c.Lookup("A99"); ok {
		t.Error("an unknown agent is found")
	}
}

func TestOpenRefusesAnOverlayThatIsNotThere(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none"), nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want that there is no such directory", err)
	}
}

func TestABrokenFolderLeavesTheOthersRunning(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, dir string)
		want   string // of its fault
		agents string
	}{
		{"broken folder", func(t *testing.T, dir string) {
			tiny().edit(t, definitionFile, "lanes: [local]", "lanes: []").write(t, dir)
		}, "t1_tiny/agent.yaml:5: lanes: ", builtinsAnd(t, "T2")},
		{"one ID twice", func(t *testing.T, dir string) {
			tiny().write(t, dir)
			titled(t, "t1_other", "T1", "Other").write(t, dir)
		}, "holds agent T1 already", builtinsAnd(t, "T1 T2")},
		{"folder without an agent", func(t *testing.T, dir string) {
			os.Mkdir(filepath.Join(dir, "notes"), 0o755)
		}, "notes/agent.yaml: the file is missing", builtinsAnd(t, "T2")},
		{"file that is too large", func(t *testing.T, dir string) {
			f := tiny()
			f.files[promptFile] = make([]byte, maxFileSize+1)
			f.write(t, dir)
		}, "larger than", builtinsAnd(t, "T2")},
		{"examples that fail", func(t *testing.T, dir string) {
			tiny().edit(t, "examples/good.json", `"/score": 60`, `"/score": 61`).write(t, dir)
		}, "good.json:4: ", builtinsAnd(t, "T1 T2")},
		// The built-in agent may send to the cloud what the broken one keeps.
		{"broken folder over a built-in agent", func(t *testing.T, dir string) {
			titled(t, "a02_mine", "A02", "Mine").edit(t, definitionFile, "complexity: low", "complexity: [").write(t, dir)
		}, "a02_mine/agent.yaml:", strings.TrimPrefix(builtinsAnd(t, "T2"), "A02 ")},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			titled(t, "t2_good", "T2", "Good").write(t, dir)
			c.make(t, dir)
			all, err := Open(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, a := range all.All() {
				ids = append(ids, a.ID)
			}
			if got := strings.Join(ids, " "); got != c.agents {
				t.Errorf("agents: got %s, want %s", got, c.agents)
			}
			faults := all.Faults()
			if len(faults) != 1 || !strings.Contains(faults[0].Detail, c.want) || faults[0].Since.IsZero() {
				t.Errorf("faults: got %+v, want one with %q", faults, c.want)
			}
		})
	}
}

func TestAnEditIsTakenOverWhenItsExamplesPass(t *testing.T) {
	dir := t.TempDir()
	tiny().write(t, dir)
	watching(t, dir, func(c *Catalogue, settle func(), _ *journal) {
		before, _ := c.Lookup("T1")
		for _, edit := range []func(*folder) *folder{
			func(f *folder) *folder { return f.edit(t, scorecardFile, "add: 10", "add: 20") }, // its example wants 60
			func(f *folder) *folder {
				return f.edit(t, scorecardFile, "score: = score", "score: = total + input.count / 8")
			}, // a fraction
		} {
			edit(tiny()).write(t, dir)
			settle()
			if now, _ := c.Lookup("T1"); now.Version != before.Version || len(c.Faults()) != 1 || c.Faults()[0].Kept != before.Version {
				t.Errorf("got version %s, faults %+v; want %s to stay, and one fault", now.Version, c.Faults(), before.Version)
			}
		}
		tiny().edit(t, scorecardFile, "start: 50", "start: 50.0").write(t, dir)
		settle()
		if now, _ := c.Lookup("T1"); now.Version == before.Version || len(c.Faults()) != 0 {
			t.Errorf("after a good edit: got version %s, faults %+v", now.Version, c.Faults())
		}
	})
}

// journal is a log that is read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// watching runs f with a catalogue over dir that is being watched; inside,
// settle lets Watch see what was written.
func watching(t *testing.T, dir string, f func(c *Catalogue, settle func(), log *journal)) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		c, err := Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Watch(ctx) }()
		f(c, func() {
			time.Sleep(2*pollEvery + pollEvery/2) // of the bubble's own time
			synctest.Wait()
		}, &log)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch ended with %v", err)
		}
	})
}

func title(c *Catalogue, id string) string {
	a, ok := c.Lookup(id)
	if !ok {
		return "none"
	}
	return a.Title["en"]
}

func TestWatchTakesGoodEditsAndRefusesBroken(t *testing.T) {
	dir := t.TempDir()
	titled(t, "a02_mine", "A02", "First").write(t, dir)
	watching(t, dir, func(c *Catalogue, settle func(), log *journal) {
		titled(t, "a02_mine", "A02", "Second").write(t, dir)
		settle()
		if got := title(c, "A02"); got != "Second" {
			t.Errorf("after an edit: got %s, want Second", got)
		}

		titled(t, "a02_mine", "A02", "Third").edit(t, scorecardFile, "input.count > 3", "input.coutn > 3").write(t, dir)
		settle()
		if got := title(c, "A02"); got != "Second" {
			t.Errorf("after a broken edit: got %s, want Second still", got)
		}
		if !strings.Contains(log.String(), "a02_mine/scorecard.yaml:2: ") {
			t.Errorf("the log names no file and line: %s", log)
		}
		said := len(log.String())
		settle()
		if len(log.String()) != said {
			t.Errorf("the same broken edit is told again: %s", log.String()[said:])
		}

		titled(t, "a02_mine", "A02", "Fourth").write(t, dir)
		titled(t, "t1_new", "T1", "New").write(t, dir)
		settle()
		if got := title(c, "A02") + " " + title(c, "T1"); got != "Fourth New" {
			t.Errorf("after the repair and a new folder: got %s, want Fourth New", got)
		}
	})
}

func TestWatchUncoversTheBuiltinAgent(t *testing.T) {
	dir := t.TempDir()
	titled(t, "a02_mine", "A02", "Mine").write(t, dir)
	watching(t, dir, func(c *Catalogue, settle func(), _ *journal) {
		os.RemoveAll(filepath.Join(dir, "a02_mine"))
		settle()
		if got, want := title(c, "A02"), "Opportunity scoring"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestWatchRenamesWithoutAGap(t *testing.T) {
	dir := t.TempDir()
	tiny().write(t, dir)
	watching(t, dir, func(c *Catalogue, settle func(), log *journal) {
		titled(t, "t1_other", "T1", "Other").write(t, dir)
		settle()
		if got := title(c, "T1"); got != "Try" || !strings.Contains(log.String(), "holds agent T1 already") {
			t.Errorf("a second folder of one ID: got %s, log %s", got, log)
		}
		os.RemoveAll(filepath.Join(dir, "t1_tiny"))
		settle()
		if got := title(c, "T1"); got != "Other" {
			t.Errorf("after the first is gone: got %s, want Other", got)
		}
	})
}

func TestWatchKeepsEverythingWhenTheDirectoryIsAway(t *testing.T) {
	dir := t.TempDir()
	tiny().write(t, dir)
	watching(t, dir, func(c *Catalogue, settle func(), log *journal) {
		os.Rename(dir, dir+"-away")
		settle()
		if got := title(c, "T1"); got != "Try" {
			t.Errorf("got %s, want Try", got)
		}
		if n := strings.Count(log.String(), "cannot be read"); n != 1 {
			t.Errorf("told %d times that the directory is away", n)
		}
		os.Rename(dir+"-away", dir)
	})
}
