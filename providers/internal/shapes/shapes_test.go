package shapes_test

import (
	"regexp"
	"testing"

	"github.com/topcentral/spillway/providers/internal/shapes"
)

func TestNamesCanBeTyped(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for dialect, list := range map[string][]shapes.Shape{"OpenAI": shapes.OpenAI(), "Ollama": shapes.Ollama()} {
		seen := map[string]bool{}
		for _, s := range list {
			if !name.MatchString(s.Name) || seen[s.Name] || s.About == "" || (s.Serve == nil) == (s.List == nil) {
				t.Errorf("%s: %q is no name, stands twice, or lacks a description or its answer", dialect, s.Name)
			}
			seen[s.Name] = true
		}
		if got, ok := shapes.Lookup(list, "crlf"); !ok || got.Name != "crlf" {
			t.Errorf("%s: crlf is not found", dialect)
		}
	}
}
