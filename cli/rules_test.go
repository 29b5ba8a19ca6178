package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const rulesFolder = "../deploy/prometheus"

// promtool runs Prometheus' own tool on the rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	needsTool(t, "promtool") // of Debian's package prometheus
	c := exec.CommandContext(t.Context(), "promtool", args...)
	c.Dir = rulesFolder
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func TestAlertsFireWhenTheyShouldAndNotElse(t *testing.T) {
	promtool(t, "check", "rules", "rules.yaml")
	promtool(t, "test", "rules", "rules_test.yaml")
}

func TestAlertsAreOfMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(rulesFolder + "/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:8b", says(analysisOf(t, "A02", opportunity))))
	s := dev(t)
	must(t, opportunity, "submit", "A02", "--wait")
	told := scrape(t, s.dashboard)
	names := regexp.MustCompile(`\b(?:spillway|asynq|gen_ai)_\w+`).FindAllString(string(text), -1)
	if len(names) == 0 {
		t.Fatal("no metric is named")
	}
	for _, name := range names {
		if name == "gen_ai_provider_name" { // a label
			continue
		}
		if family := strings.TrimSuffix(name, "_count"); told[family] == nil {
			t.Errorf("%s is not told", name)
		}
	}
}
