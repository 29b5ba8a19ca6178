package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers/providertest"
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

func TestAlertmanagerTakesItsConfiguration(t *testing.T) {
	needsTool(t, "amtool") // of Debian's package prometheus-alertmanager
	out, err := exec.CommandContext(t.Context(), "amtool", "check-config", "../deploy/alertmanager/alertmanager.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("amtool: %v\n%s", err, out)
	}
}

func TestAlertsAreOfMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(rulesFolder + "/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:8b", says(analysisOf(t, "A02", opportunity))))
	t.Setenv("KIMI_API_KEY", "k")
	t.Setenv("SPILLWAY_KIMI_URL", listsAndRefuses(t))
	s := dev(t)
	must(t, opportunity, "submit", "A02", "--wait")
	must(t, opportunity, "submit", "A02", "--wait", "--from", "kimi") // which is left alone from then on
	until(t, "no model is left alone", func() bool { return scrape(t, s.dashboard)["spillway_model_left_alone"] != nil })
	told := scrape(t, s.dashboard)
	names := regexp.MustCompile(`\b(?:spillway|asynq|gen_ai)_\w+`).FindAllString(string(text), -1)
	if len(names) == 0 {
		t.Fatal("no metric is named")
	}
	for _, name := range names {
		if name == "gen_ai_provider_name" || name == "gen_ai_request_model" { // labels
			continue
		}
		if family := strings.TrimSuffix(name, "_count"); told[family] == nil {
			t.Errorf("%s is not told", name)
		}
	}
}

// listsAndRefuses is a cloud that lists its models and refuses every call for
// want of a valid key.
func listsAndRefuses(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			providertest.OpenAI().List(w, "kimi-k2.6")
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"message":"Invalid Authentication"}}`))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
