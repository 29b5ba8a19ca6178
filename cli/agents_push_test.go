package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
)

const a02 = "../tasks/agents/a02_opportunity_scoring"

// edited copies A02's folder with one edit.
func edited(t *testing.T, file, old, replacement string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a02_mine")
	if err := os.CopyFS(dir, os.DirFS(a02)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q: %v", file, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, replacement)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAgentsArePushedFromTheCommandLine(t *testing.T) {
	rdb := redistest.Embedded(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+rdb.Options().Addr)
	must(t, "", "agents", "push", a02)
	must(t, "", "agents", "push", edited(t, "agent.yaml", "Opportunity scoring", "Mine"))
	if out := must(t, "", "agents", "versions", "A02"); strings.Count(out, "\n") != 3 || strings.Count(out, "yes") != 1 {
		t.Errorf("versions: got\n%s", out)
	}
	must(t, "", "agents", "rollback", "A02")
	must(t, "", "agents", "remove", "A02")
	if out := must(t, "", "agents", "versions"); strings.Contains(out, "A02") {
		t.Errorf("after it was removed: got\n%s", out)
	}
}

func TestAFolderAtFaultIsNotPushed(t *testing.T) {
	rdb := redistest.Embedded(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+rdb.Options().Addr)
	dir := edited(t, "scorecard.yaml", "= score", "= score / 7")
	_, said, code := command(t, "agents", "push", dir)
	if code == exitOK || !strings.Contains(said, "must be an integer") {
		t.Errorf("got exit code %d: %s", code, said)
	}
	if keys, err := rdb.Keys(t.Context(), "*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("something was pushed: %v, %v", keys, err)
	}
}

func TestAnAgentIsTried(t *testing.T) {
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:8b", says(analysisOf(t, "A02", opportunity))))
	input := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(input, []byte(opportunity), 0o600); err != nil {
		t.Fatal(err)
	}
	out, said, code := command(t, "agents", "try", a02, "-f", input, "--language", "en")
	if code != exitOK || !strings.Contains(out, `"score"`) {
		t.Fatalf("got exit code %d\n%s\n%s", code, out, said)
	}
	for _, want := range []string{"--- system\n", "--- user", "--- ollama/qwen3:8b: succeeded"} {
		if !strings.Contains(said, want) {
			t.Errorf("standard error has no %q:\n%s", want, said)
		}
	}
}

func TestAgentsShowHasThePrompt(t *testing.T) {
	prompt, err := os.ReadFile(a02 + "/prompt.md")
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, "", "agents", "show", "A02", "--prompt"); out != string(prompt) {
		t.Errorf("got %.200s", out)
	}
	if out := must(t, "", "agents", "show", "A02"); !strings.Contains(out, `"prompt": "`) || !strings.Contains(out, `"input_schema"`) {
		t.Errorf("got %.200s", out)
	}
}
