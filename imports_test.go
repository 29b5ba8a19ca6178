package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/topcentral/spillway"

// arrows is the architecture: what each package of this module may import of
// it. A folder ending in /... speaks for all folders below it that have no row
// of their own.
var arrows = map[string][]string{
	".":                     {"cli"},
	"tasks":                 {},
	"tasks/agents":          {"tasks"},
	"tasks/agentstore":      {"tasks", "tasks/agents"},
	"tasks/store":           {"tasks"},
	"tasks/store/...":       {},
	"tasks/queue":           {"tasks"},
	"tasks/metrics":         {"tasks", "tasks/queue", "tasks/store"},
	"tasks/equal":           {"tasks", "tasks/agents"},
	"tasks/dispatch":        {"tasks", "tasks/agents", "tasks/equal", "tasks/queue", "tasks/store"},
	"providers":             {"tasks", "providers/output"},
	"providers/...":         {"tasks", "providers", "providers/..."},
	"worker":                {"tasks", "tasks/...", "providers", "providers/...", "worker/attempt", "worker/fleet", "worker/host", "worker/pace"},
	"worker/attempt":        {"tasks", "tasks/...", "providers", "providers/...", "worker/fleet", "worker/pace"},
	"worker/fleet":          {"tasks", "tasks/agents", "providers"},
	"worker/pace":           {"tasks", "tasks/store", "providers"},
	"worker/host":           {"tasks"},
	"worker/webhook":        {"tasks", "tasks/queue", "tasks/store"},
	"worker/webhook/...":    {"tasks", "tasks/queue", "tasks/store", "worker/webhook"},
	"api":                   {"tasks", "api/..."},
	"api/...":               {"tasks"},
	"api/admin":             {"tasks", "api", "api/access", "api/audit", "api/console", "api/internal/httpx"},
	"api/console":           {"tasks", "api", "api/access"},
	"api/audit":             {"tasks", "api/access"},
	"api/internal/httpx":    {"tasks", "api/access", "api/audit"},
	"api/internal/contract": {"tasks", "api/access", "api/internal/httpx"},
	"examples":              {},
	"examples/...":          {},
	"app":                   {"app/...", "api", "api/...", "tasks", "tasks/...", "providers", "providers/...", "worker", "worker/..."},
	"app/config":            {"api/access", "api/audit", "tasks", "tasks/...", "providers", "providers/...", "worker/webhook", "worker/webhook/..."},
	"app/health":            {"api", "tasks", "tasks/...", "providers"},
	"app/doctor":            {"app/config", "app/health", "app/modelclient", "api", "tasks", "tasks/...", "providers", "providers/...", "worker/webhook", "worker/webhook/..."},
	"app/telemetry":         {"app/buildinfo", "app/config"},
	"app/client":            {"tasks", "providers"},
	"app/httpserver":        {},
	"app/buildinfo":         {},
	"app/modelclient":       {"providers/presets"},
	"cli":                   {"app", "app/...", "api", "api/access", "api/audit", "tasks", "tasks/...", "providers", "providers/...", "examples"},
	"lab/bench/probe":       {"cli"},
	"lab/...":               {"tasks", "tasks/...", "providers", "providers/...", "lab/..."},
}

// Tests may also use what proves things, and the fakes that ship beside what
// they stand for. Outside lab, only tests and lab programs import lab.
var testArrows = []string{"lab/...", "examples", "providers/providertest", "tasks/agents"}

func TestImportsFollowTheArchitecture(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(file))
		row, known := lookup(from)
		if !known {
			t.Errorf("%s: package %s has no row in the table of arrows", file, from)
			return nil
		}
		used[row] = true
		isTest := strings.HasSuffix(file, "_test.go")
		for _, to := range imports(t, file) {
			if to == from || matches(arrows[row], to) || isTest && (matches(testArrows, to) || from == "cli" || from == "app") {
				continue
			}
			t.Errorf("%s: %s must not import %s", file, from, to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for row := range arrows {
		if !used[row] {
			t.Errorf("the table has a row for %s, and there is no such package", row)
		}
	}
}

// Settings are read in one place; commands read what concerns the person who runs
// them.
func TestOneReaderOfTheEnvironment(t *testing.T) {
	readers := []string{"app/config", "cli", "lab/...", "examples/..."}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || matches(readers, filepath.ToSlash(filepath.Dir(file))) {
			return err
		}
		text, err := os.ReadFile(file)
		for _, call := range []string{"os.Getenv(", "os.LookupEnv(", "os.Environ("} {
			if strings.Contains(string(text), call) {
				t.Errorf("%s: only app/config and cli may call %s)", file, call)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lookup returns the row for a package: its own, or that of a folder above it.
func lookup(pkg string) (row string, known bool) {
	if _, ok := arrows[pkg]; ok {
		return pkg, true
	}
	for dir := path.Dir(pkg); dir != "."; dir = path.Dir(dir) {
		if _, ok := arrows[dir+"/..."]; ok {
			return dir + "/...", true
		}
	}
	return "", false
}

// matches reports whether one of the patterns stands for pkg.
func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		dir, below := strings.CutSuffix(p, "...")
		return p == pkg || below && strings.HasPrefix(pkg, dir)
	})
}

// imports lists what a file imports of this module.
func imports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	var ours []string
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if rest, ok := strings.CutPrefix(p, module+"/"); ok {
			ours = append(ours, rest)
		}
	}
	return ours
}
