package agents

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// withVariants is the tiny agent with an experiment.
func withVariants(t *testing.T) *Agent {
	t.Helper()
	f := tiny().edit(t, definitionFile, "temperature: 0", `temperature: 0
variants:
  - {name: plain, weight: 3}
  - {name: terse, weight: 1, prompt: prompt.terse.md, candidates: [kimi, ollama/qwen2.5:7b]}`)
	f.files["prompt.terse.md"] = []byte(strings.Replace(string(f.files[promptFile]), "Answer in JSON.", "Answer in very little JSON.", 1))
	a, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJobsAreDealtByWeight(t *testing.T) {
	a := withVariants(t)
	const jobs = 4000
	assigned := map[string]int{}
	for i := range jobs {
		id := fmt.Sprintf("job_%032x", i)
		name := a.VariantOf(id).Name
		if again := a.VariantOf(id).Name; again != name {
			t.Fatalf("%s is assigned to %s and to %s", id, name, again)
		}
		assigned[name]++
	}
	if assigned["plain"]+assigned["terse"] != jobs || assigned["terse"] < jobs/5 || assigned["terse"] > jobs*3/10 {
		t.Errorf("assigned %v, want three to one", assigned)
	}
	plain, err := load(tiny())
	if err != nil {
		t.Fatal(err)
	}
	if v := plain.VariantOf(tasks.NewID()); v != nil {
		t.Errorf("an agent without an experiment deals %+v", v)
	}
}

func TestAVariantAsksWithItsOwnPrompt(t *testing.T) {
	a := withVariants(t)
	for variant, want := range map[string]string{
		"": "Answer in JSON.", "plain": "Answer in JSON.", "gone": "Answer in JSON.", "terse": "Answer in very little JSON.",
	} {
		system, _, err := a.PromptOf(variant, json.RawMessage(`{"kind":"good"}`), tasks.English)
		if err != nil || !strings.HasPrefix(system, want) {
			t.Errorf("%q asks %q, %v; want %q", variant, system, err, want)
		}
	}
	for _, r := range a.RunExamples() {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Name, r.Err)
		}
	}
}

func TestAVariantsPromptIsPartOfTheVersion(t *testing.T) {
	f := tiny()
	before := f.digest()
	f.files["prompt.other.md"] = []byte("x")
	if f.digest() == before {
		t.Error("another prompt leaves the version as it was")
	}
}

func TestTheSampleOfAVariantIsChecked(t *testing.T) {
	f := tiny().edit(t, definitionFile, "temperature: 0", "temperature: 0\nvariants: [{name: a, weight: 1, prompt: prompt.a.md}]")
	f.files["prompt.a.md"] = []byte(strings.Replace(string(f.files[promptFile]), `"score": 1`, `"scoer": 1`, 1))
	a, err := load(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.RunExamples() {
		if r.Name == "prompt sample of a" {
			if r.Err == nil || !strings.Contains(r.Err.Error(), "prompt.a.md") {
				t.Errorf("got %v, want the file that is wrong", r.Err)
			}
			return
		}
	}
	t.Error("it was not looked at")
}

func TestTheSmallestUsefulAnswer(t *testing.T) {
	for given, want := range map[string]int{"": 25, "\nmin_output_tokens: 60": 60} {
		a, err := load(tiny().edit(t, definitionFile, "temperature: 0", "temperature: 0"+given))
		if err != nil || a.MinOutput != want {
			t.Errorf("%q: got %d, %v, want %d", given, a.MinOutput, err, want)
		}
	}
}
