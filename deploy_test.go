package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The pipelines of the collector use what the file defines, and all of it.
func TestCollectorConfiguration(t *testing.T) {
	text, err := os.ReadFile("deploy/otel/collector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Receivers, Processors, Exporters map[string]any
		Service                          struct {
			Pipelines map[string]struct{ Receivers, Processors, Exporters []string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	uses := func(pipeline, kind string, names []string, defined map[string]any) {
		for _, name := range names {
			used[kind+name] = true
			if _, ok := defined[name]; !ok {
				t.Errorf("the pipeline %s uses the %s %s, which is not defined", pipeline, kind, name)
			}
		}
	}
	for name, p := range file.Service.Pipelines {
		uses(name, "receiver ", p.Receivers, file.Receivers)
		uses(name, "processor ", p.Processors, file.Processors)
		uses(name, "exporter ", p.Exporters, file.Exporters)
	}
	for kind, defined := range map[string]map[string]any{"receiver ": file.Receivers, "processor ": file.Processors, "exporter ": file.Exporters} {
		for name := range defined {
			if !used[kind+name] {
				t.Errorf("no pipeline uses the %s%s", kind, name)
			}
		}
	}
	if len(file.Service.Pipelines) == 0 {
		t.Error("no pipelines")
	}
}

// dashboard is what these tests read of a dashboard of Grafana.
type dashboard struct {
	UID    string
	Title  string
	Panels []struct {
		ID      int
		Title   string
		Targets []struct{ Expr string }
	}
}

// Each panel of a dashboard asks for metrics that docs/metrics.md lists, and so for
// such as the code declares.
func TestDashboards(t *testing.T) {
	page, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("deploy/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	labels := regexp.MustCompile(`gen_ai_(request_model|token_type|provider_name|operation_name)`)
	uids := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if uids[d.UID] || d.UID == "" || d.Title == "" {
			t.Errorf("%s: UID %q, title %q: want both, and the first its own", file, d.UID, d.Title)
		}
		uids[d.UID] = true
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] || len(p.Targets) == 0 {
				t.Errorf("%s: %s has ID %d again, or shows nothing", file, p.Title, p.ID)
			}
			ids[p.ID] = true
			for _, target := range p.Targets {
				names := metricName.FindAllString(labels.ReplaceAllString(target.Expr, ""), -1)
				if len(names) == 0 {
					t.Errorf("%s: %s asks for no metric", file, p.Title)
				}
				for _, name := range names {
					family := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
					if !strings.Contains(string(page), "`"+family+"`") {
						t.Errorf("%s: %s asks for %s, which docs/metrics.md does not list", file, p.Title, name)
					}
				}
			}
		}
	}
}

// Alertmanager routes and inhibits alerts that there are, to receivers that there are.
func TestAlertsAreRouted(t *testing.T) {
	text, err := os.ReadFile("deploy/alertmanager/alertmanager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`Spillway[A-Z]\w+`).FindAllString(string(text), -1) {
		if !strings.Contains(string(rules), "alert: "+name+"\n") {
			t.Errorf("there is no alert %s", name)
		}
	}
	for _, severity := range regexp.MustCompile(`severity: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(text), `severity = "`+severity[1]+`"`) {
			t.Errorf("alerts of severity %s have no route", severity[1])
		}
	}
}

// The units of systemd stop a worker no sooner than it may drain, and hold no secret.
func TestUnits(t *testing.T) {
	files, err := filepath.Glob("deploy/systemd/*.service")
	if err != nil || len(files) != 2 {
		t.Fatalf("got %v, %v", files, err)
	}
	for _, file := range files {
		if path, err := exec.LookPath("systemd-analyze"); err == nil {
			out, err := exec.CommandContext(t.Context(), path, "verify", "--man=no", file).CombinedOutput()
			// The binary is not installed here, which is all that may be wrong.
			if err != nil && !strings.Contains(string(out), "is not executable") {
				t.Errorf("%s: %v\n%s", file, err, out)
			}
		} else {
			t.Log("NOT CHECKED: systemd-analyze is not installed")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"EnvironmentFile=", "DynamicUser=yes", "NoNewPrivileges=yes", "Restart=always"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s", file, want)
			}
		}
	}
	plist, err := os.ReadFile("deploy/macos/com.topcentral.spillway.worker.plist")
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(plist)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the agent of launchd is no XML: %v", err)
		}
	}
}
