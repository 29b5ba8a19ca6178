package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every decision is in the index, and has the four sections that a reader
// looks for.
func TestDecisionsAreIndexed(t *testing.T) {
	index, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/decisions/*-*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no decisions: %v", err)
	}
	numbers := map[string]string{}
	for _, page := range pages {
		name := filepath.Base(page)
		if n := strings.Count(string(index), "("+name+")"); n != 1 {
			t.Errorf("docs/decisions/README.md links %s %d times, want once", name, n)
		}
		if other := numbers[name[:4]]; other != "" {
			t.Errorf("%s and %s have one number", other, name)
		}
		numbers[name[:4]] = name
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range []string{"Context", "Decision", "Rejected", "Look again when"} {
			if !strings.Contains(string(text), "\n## "+section+"\n\n") {
				t.Errorf("%s has no section %q", name, section)
			}
		}
	}
}

var docLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// Every relative link of a page leads to a file.
func TestLinksOfPages(t *testing.T) {
	var pages []string
	for _, glob := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md", ".github/*.md"} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range docLink.FindAllStringSubmatch(string(text), -1) {
			target := link[1]
			if strings.Contains(target, ":") || strings.HasPrefix(target, "/") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links %s, which does not exist", page, target)
			}
		}
	}
}

// Every alert has a section in the runbook.
func TestAlertsHaveARunbook(t *testing.T) {
	rules, err := os.ReadFile("deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for _, alert := range alerts {
		if !strings.Contains(string(runbook), "\n### "+alert[1]+"\n") {
			t.Errorf("docs/operations.md has no section for the alert %s", alert[1])
		}
	}
}

var metricName = regexp.MustCompile("(?:spillway|asynq|gen_ai_client)_[a-z_]+")

// docs/metrics.md lists every metric that the code declares, and no other.
func TestMetricsArePublished(t *testing.T) {
	page, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `.*?\\|").FindAllString(string(page), -1) {
		for _, name := range metricName.FindAllString(row, -1) {
			listed[name] = true
		}
	}
	declared := map[string]bool{}
	err = filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, literal := range regexp.MustCompile(`"`+metricName.String()+`"`).FindAllString(string(text), -1) {
			declared[strings.Trim(literal, `"`)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range declared {
		if !listed[name] {
			t.Errorf("docs/metrics.md does not list %s", name)
		}
	}
	for name := range listed {
		if !declared[name] {
			t.Errorf("docs/metrics.md lists %s, which no code declares", name)
		}
	}
}

// Every Go file and folder that these pages name exists.
func TestPagesNameWhatExists(t *testing.T) {
	for _, page := range []string{"docs/architecture.md", "docs/agents.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`((?:api|app|cli|lab|providers|tasks|worker)/[a-z0-9_/.]+)`").FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}
