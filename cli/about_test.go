package cli

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}, {"-V"}, {"agents", "list", "--version"}} {
		code, out := runCommand(t, args...)
		if code != exitOK || !strings.HasPrefix(out, "spillway ") || !strings.Contains(out, "revision ") {
			t.Errorf("%q: exit %d, %q", args, code, out)
		}
	}
}

// runCommand runs a command line without input, and returns its exit code and
// what it prints to standard output.
func runCommand(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), args, streams{strings.NewReader(""), &stdout, &stderr})
	if stderr.Len() > 0 {
		t.Logf("%q: %s", args, &stderr)
	}
	return code, stdout.String()
}

// Every module in the binary has its license among the notices.
func TestNoticesListEveryModule(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := slices.Compact(slices.Sorted(strings.Lines(string(out))))
	if len(modules) < 30 {
		t.Fatalf("go list found %d modules", len(modules))
	}
	_, printed := runCommand(t, "licenses")
	for _, m := range modules {
		if m = strings.TrimSpace(m); m != "" && !strings.Contains(printed, m+"\n") {
			t.Errorf("%s is missing: run make notices", m)
		}
	}
}

func TestCompletion(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("spillway"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		words       string
		has, hasNot []string
	}{
		{"", []string{"dev", "submit", "agents", "--help"}, []string{"complete-words", "list"}},
		{"agents", []string{"list", "test"}, []string{"dev"}},
		{"worker --lane", []string{"local", "cloud"}, []string{"--lane", "dev"}},
		{"worker --lane local", []string{"--lane"}, []string{"local"}},
		{"completion", []string{"bash", "zsh", "fish"}, nil},
		{"no-such-command", []string{"dev"}, nil},
	}
	for _, tt := range tests {
		got := candidates(parser.Model.Node, strings.Fields(tt.words))
		for _, w := range tt.has {
			if !slices.Contains(got, w) {
				t.Errorf("%q: got %q, want %q among them", tt.words, got, w)
			}
		}
		for _, w := range tt.hasNot {
			if slices.Contains(got, w) {
				t.Errorf("%q: got %q, want no %q", tt.words, got, w)
			}
		}
	}
}

// Bash runs the script as it does when a user presses Tab.
func TestCompletionInBash(t *testing.T) {
	needsTool(t, "bash")
	sh := newShell(t)
	script, err := sh.run("spillway completion bash")
	if err != nil {
		t.Fatal(err, script)
	}
	file := t.TempDir() + "/completion"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := sh.run("bash -c '. " + file + `; COMP_WORDS=(spillway agents l) COMP_CWORD=2; _spillway; echo "${COMPREPLY[@]}"'`)
	if err != nil || !strings.Contains(out, "list") {
		t.Errorf("%v: %q", err, out)
	}
}
