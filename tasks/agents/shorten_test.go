package agents

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestAnAnswerThatIsTooLongIsShortened(t *testing.T) {
	c, err := Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Lookup("A02")
	answer, err := a.Score(json.RawMessage(`{"product":"x"}`), tasks.Chinese)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatal(err)
	}
	m["summary"] = strings.Repeat("长", 5000)
	m["missing"] = strings.Split(strings.Repeat("问,", 50)+"问", ",")
	long, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.CheckOutput(long)) == 0 {
		t.Fatal("the answer is not too long")
	}
	if faults := a.CheckOutput(a.Shorten(long)); len(faults) > 0 {
		t.Errorf("shortened: got %v, want it valid", faults)
	}
	if got := a.Shorten(json.RawMessage(`nonsense`)); string(got) != "nonsense" {
		t.Errorf("not JSON: got %s", got)
	}
}
