package api

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// TestGeneratorsCanUseTheContract guards what generators of clients stumble over,
// as trials have shown.
func TestGeneratorsCanUseTheContract(t *testing.T) {
	// Some read a part of the file by itself, where an anchor leads nowhere, and
	// YAML 1.2 knows no merge keys.
	if anchors := regexp.MustCompile(`(?m)^\s*(- |[\w-]+: )?(&\w+$|\*\w+$|<<:)`).FindAll(openapiYAML, -1); anchors != nil {
		t.Errorf("anchors or merges: %q", anchors)
	}
	c := newChecker(t)
	referenced := map[string]bool{}
	walk(c.Document, "", func(at string, v map[string]any) {
		if ref, ok := v["$ref"].(string); ok {
			referenced[ref] = true
		}
		// openapi-typescript takes it for an object that must have no fields.
		if v["type"] == "object" && v["properties"] == nil && v["additionalProperties"] == nil {
			t.Errorf("%s: an object of what? say additionalProperties", at)
		}
		// A list of queries is sent as one parameter for each item by most.
		if v["explode"] != nil {
			t.Errorf("%s: not all generators heed explode", at)
		}
	})
	for name := range asMap(asMap(c.Document["components"])["schemas"]) {
		if !referenced["#/components/schemas/"+name] { // oapi-codegen leaves it out
			t.Errorf("nothing refers to the schema %s", name)
		}
	}
}

// TestDocumentationTellsOfEveryCode guards that a newcomer who has only /docs finds
// each code there.
func TestDocumentationTellsOfEveryCode(t *testing.T) {
	c := newChecker(t)
	text, _ := asMap(c.Document["info"])["description"].(string)
	for _, code := range httpx.Codes() {
		if !strings.Contains(text, "`"+string(code)+"`") {
			t.Errorf("the description does not mention %s", code)
		}
	}
	page, err := os.ReadFile("problems.md")
	if err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(string(page), "\n## ") {
		name, _, _ := strings.Cut(section, "\n")
		if !slices.Contains(httpx.Codes(), tasks.Code(name)) && !strings.HasPrefix(name, "# ") {
			t.Errorf("problems.md explains %q, which is no code", name)
		}
	}
}
