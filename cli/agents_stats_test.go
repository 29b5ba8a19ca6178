package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

func TestAgentsStats(t *testing.T) {
	server := redistest.Start(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	if out := must(t, "", "agents", "stats"); out != "no job has run yet\n" {
		t.Errorf("at first: %q", out)
	}
	kept := store.New(server.Client(t), store.DefaultConfig())
	t.Cleanup(func() { _ = kept.Close() }) // the test is over
	answered := store.Tallied{Ended: tasks.Succeeded, By: tasks.Cloud, Took: 4 * time.Second, Calls: []tasks.Attempt{{
		Lane: tasks.Cloud, Outcome: tasks.OutcomeSucceeded, Tokens: tasks.Tokens{Input: 1000, Output: 300}, Cost: tasks.Dollar / 500,
	}}}
	var samples store.Samples
	for _, variant := range []string{"plain", "plain", "terse"} {
		samples.Count(&tasks.Job{Agent: "A02", AgentVersion: "v1", Variant: variant}, answered)
	}
	if err := kept.Learn(t.Context(), &samples); err != nil {
		t.Fatal(err)
	}
	out := must(t, "", "agents", "stats", "A02")
	for _, line := range []string{
		`AGENT +VERSION +VARIANT`,
		`A02 +v1 +plain +2 +0 +0 +0 of 2 +4\.0 s +4\.0 s +2000 +600 +0\.004000 +0\.002000`,
		`A02 +v1 +terse +1 `,
	} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(out) {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
	var tallies []store.Tally
	if err := json.Unmarshal([]byte(must(t, "", "agents", "stats", "--json")), &tallies); err != nil || len(tallies) != 2 || tallies[0].Cost != tasks.Dollar/250 {
		t.Errorf("as JSON: %+v, %v", tallies, err)
	}
	if _, errs, code := command(t, "agents", "stats", "A99"); code != exitError || !strings.Contains(errs, `there is no agent "A99"`) {
		t.Errorf("an agent that is not there: got %d, %s", code, errs)
	}
}
