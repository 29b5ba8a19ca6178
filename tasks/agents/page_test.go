package agents

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// TestPageScorecard compiles and runs the scorecard that docs/agents.md shows,
// so that authors copy something that works.
func TestPageScorecard(t *testing.T) {
	page, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```yaml\nwords:")
	scorecard, _, found := strings.Cut("words:"+after, "```")
	if !found {
		t.Fatal("docs/agents.md shows no scorecard")
	}
	f := tiny()
	f.files[scorecardFile] = []byte(scorecard)
	f.files[inputSchemaFile] = []byte(`{"type": "object", "properties": {
		"kind": {"type": "string"}, "client": {"enum": ["new", "current"], "type": "string"},
		"as_of": {"type": "string", "format": "date"}, "last_contact": {"type": "string", "format": "date"},
		"budget": {"type": "number"}, "complaints": {"type": "array", "items": {"type": "object", "properties": {
			"open": {"type": "boolean"}, "text": {"type": "string"}}}}}}`)
	f.files[outputSchemaFile] = []byte(`{"type": "object"}`)
	a, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	input := `{"client": "new", "as_of": "2026-03-31", "last_contact": "2026-01-30", "complaints": [{"open": true, "text": "迟交"}, {"text": "x"}]}`
	answer, err := a.Score(json.RawMessage(input), tasks.English)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Score   int
		Drivers []struct{ Evidence string }
		Risks   []struct{ Text string }
		Missing []string
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	if got.Score != 27 || len(got.Drivers) != 2 || got.Drivers[0].Evidence != "client=new" ||
		len(got.Risks) != 2 || got.Risks[1].Text != "迟交" || len(got.Missing) != 1 {
		t.Errorf("got %s", answer)
	}
}

// TestPageDefinition loads the agent.yaml that docs/agents.md shows.
func TestPageDefinition(t *testing.T) {
	page, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```yaml\nid: ")
	definition, _, found := strings.Cut("id: "+after, "```")
	if !found {
		t.Fatal("docs/agents.md shows no agent.yaml")
	}
	f := tiny()
	f.path = "b01_credit_check"
	f.files[definitionFile] = []byte(definition)
	a, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != "B01" {
		t.Errorf("got agent %s", a.ID)
	}
}
