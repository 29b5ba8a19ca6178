package main

import (
	"os"
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
