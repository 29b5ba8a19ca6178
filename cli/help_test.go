package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// examplesOf lists the examples in the help of every command, by command.
func examplesOf(t *testing.T) map[string][]string {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("spillway"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, leaf := range parser.Model.Leaves(true) {
		_, shown, ok := strings.Cut(leaf.Detail, "Example")
		name := strings.Join(strings.Fields(strings.NewReplacer("<", "", ">", "").Replace(leaf.Path())), " ")
		for line := range strings.SplitSeq(shown, "\n") {
			if example, indented := strings.CutPrefix(line, "  "); indented {
				all[name] = append(all[name], example)
			}
		}
		if !ok || len(all[name]) == 0 {
			t.Errorf("the help of %q has no example", name)
		}
	}
	return all
}

// untried matches examples that serve until they are stopped, or take long, or
// need what a test does not have. They are parsed, and not run.
var untried = regexp.MustCompile(`spillway (demo|dev|mock-llm|api|worker|keys|audit|prove|unmask|budgets|doctor|providers (check|status|reset)|agents (stats|push|versions|rollback|remove))\b`)

// What the help shows is what a user types first: it must work as it stands.
func TestEveryExampleOfTheHelpWorks(t *testing.T) {
	dev(t)
	sh := newShell(t)
	for name, examples := range examplesOf(t) {
		for _, example := range examples {
			t.Run(example, func(t *testing.T) {
				if untried.MatchString(example) {
					parses(t, example)
					return
				}
				if strings.Contains(example, "job_0190…") {
					example = strings.ReplaceAll(example, "job_0190…", someJob(t, name))
				}
				if out, err := sh.run(example); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// parses checks the arguments of an example, behind its settings.
func parses(t *testing.T, example string) {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("spillway"))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(example)
	args := words[slices.Index(words, "spillway")+1:]
	if _, err := parser.Parse(args); err != nil {
		t.Error(err)
	}
}

// someJob makes a job that a command can be tried on.
func someJob(t *testing.T, command string) string {
	t.Helper()
	args := []string{"submit", "A02"}
	if !strings.Contains(command, "get") {
		args = append(args, "--run-at", time.Now().Add(time.Hour).Format(time.RFC3339))
	}
	id := strings.TrimSpace(must(t, opportunity, args...))
	if strings.Contains(command, "retry") || strings.Contains(command, "rerun") {
		must(t, "", "cancel", id)
	}
	return id
}

func TestHelpNamesTheSettingBehindAFlag(t *testing.T) {
	out := must(t, "", "get", "--help")
	if want := regexp.MustCompile(`Where the API is; by default what SPILLWAY_URL says,\s+else http://127\.0\.0\.1:8080\.`); !want.MatchString(out) || strings.Contains(out, "${") {
		t.Errorf("got\n%s", out)
	}
}

// shell runs command lines in a folder with the program, the examples of this
// repository, and an agent of the user's own.
type shell struct{ dir string }

func newShell(t *testing.T) shell {
	t.Helper()
	dir := binary(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "my-agents", "b01_my_agent")
	if err := os.CopyFS(own, os.DirFS(filepath.Join(root, "tasks/agents/a05_churn_warning"))); err != nil {
		t.Fatal(err)
	}
	definition := filepath.Join(own, "agent.yaml")
	text, err := os.ReadFile(definition)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(definition, []byte(strings.Replace(string(text), "id: A05", "id: B01", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell{dir}
}

// run runs a command line, and returns all that it prints.
func (s shell) run(line string) (string, error) {
	c := exec.Command("sh", "-e", "-c", line)
	c.Dir = s.dir
	c.Env = append(c.Environ(), "PATH="+s.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	return string(out), err
}
