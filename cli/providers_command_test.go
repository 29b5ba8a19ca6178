package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestProvidersAreListedWithPricesLimitsAndKeys(t *testing.T) {
	t.Setenv("DEEPSEEK_API_KEY", "hush")
	t.Setenv("SPILLWAY_OPENAI_COMPATIBLE", "farm=http://user:hush@10.0.0.9:8000/v1")
	out, errs, code := command(t, "providers", "list")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	for _, want := range []string{
		"deepseek-flash *", "0.15/0.003/0.6 (peak 0.3/0.006/1.2)", "2026-11-01", "KIMI_API_KEY is not set",
		"1 at once, 3 calls/min, 500000 tokens/min", "(what is installed)", "(what it serves)", "(the ID of a bot)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	asJSON, errs, code := command(t, "providers", "list", "--json")
	var all []listedProvider
	if err := json.Unmarshal([]byte(asJSON), &all); code != exitOK || err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, errs)
	}
	used := map[string]bool{}
	for _, p := range all {
		used[p.Name] = p.Used
	}
	for name, want := range map[string]bool{"ollama": true, "farm": true, "deepseek": true, "kimi": false} {
		if got, listed := used[name]; !listed || got != want {
			t.Errorf("%s: listed %t, used %t, want %t", name, listed, got, want)
		}
	}
	if strings.Contains(out+asJSON, "hush") {
		t.Errorf("a secret shows in\n%s\n%s", out, asJSON)
	}
}

func TestConfigurationListsEveryPreset(t *testing.T) {
	for _, file := range []string{"../docs/configuration.md", "../docs/configuration.zh.md"} {
		readme, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range presets.All() {
			row := regexp.MustCompile("(?m)^\\| `" + p.Name + "`.*").FindString(string(readme))
			for _, want := range []string{p.KeyEnv, p.Model} {
				if row == "" || !strings.Contains(row, want) {
					t.Errorf("%s: the row of %s lacks %q: %s", file, p.Name, want, row)
				}
			}
			for host := range p.Hosts {
				if !strings.Contains(row, "`"+host+"`") {
					t.Errorf("%s: the row of %s lacks the host %s: %s", file, p.Name, host, row)
				}
			}
		}
	}
}

// answers is a server that speaks OpenAI's API, and has one model.
func answers(t *testing.T, reply string) string {
	t.Helper()
	dialect := providertest.OpenAI()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			dialect.List(w, "deepseek-flash")
			return
		}
		dialect.Begin(w)
		dialect.Piece(w, providers.Delta{Text: reply})
		dialect.End(w, providertest.FakeUsage, false)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// refuses is a server that refuses every call with a status.
func refuses(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, `{"error":{"message":"no"}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestProvidersAreChecked(t *testing.T) {
	for _, test := range []struct {
		name string
		set  map[string]string
		args []string
		code int
		says string
	}{
		{"one that answers", map[string]string{"SPILLWAY_DEEPSEEK_URL": answers(t, "{}")}, []string{"deepseek"}, exitOK, "with 1 model"},
		// Whether the price of the peak hours applies depends on the time of day.
		{"one that writes", map[string]string{"SPILLWAY_DEEPSEEK_URL": answers(t, `{"ok":true}`)}, []string{"deepseek", "--generate"}, exitOK, "100 tokens read, 20 written, $0.0000"},
		{"one that writes nonsense", map[string]string{"SPILLWAY_DEEPSEEK_URL": answers(t, "sure!")}, []string{"deepseek", "--generate"}, exitError, "bad_output"},
		{"a model that it does not have", map[string]string{"SPILLWAY_DEEPSEEK_URL": answers(t, "{}"), "SPILLWAY_DEEPSEEK_MODEL": "deepseek-v4-pro"}, []string{"deepseek"}, exitOK, "choose one of them: deepseek-flash"},
		{"a key that is refused", map[string]string{"SPILLWAY_DEEPSEEK_URL": refuses(t, 401)}, []string{"deepseek"}, exitError, "put a valid key into DEEPSEEK_API_KEY"},
		{"an account without money", map[string]string{"SPILLWAY_DEEPSEEK_URL": refuses(t, 402)}, []string{"deepseek"}, exitError, "quota_dead (HTTP 402): no\n      → top up the account of DeepSeek"},
		{"nobody there", map[string]string{"SPILLWAY_DEEPSEEK_URL": nobody}, []string{"deepseek"}, exitError, "look whether this machine reaches http://127.0.0.1:1"},
		{"no key", nil, []string{"kimi"}, exitError, "set KIMI_API_KEY"},
		{"no such provider", nil, []string{"kimmi"}, exitError, `there is no provider "kimmi"`},
		{"a local server, by its first model", map[string]string{"SPILLWAY_OPENAI_COMPATIBLE": "farm=" + answers(t, "{}")}, []string{"farm", "--generate"}, exitOK, "deepseek-flash answered in"},
		{"all that are set up", map[string]string{"SPILLWAY_DEEPSEEK_URL": answers(t, "{}")}, nil, exitError, "1 of 2 providers failed"},
		{"one that lists nothing", map[string]string{"MINIMAX_API_KEY": "k"}, []string{"minimax"}, exitOK, "only --generate shows"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DEEPSEEK_API_KEY", "k")
			for name, value := range test.set {
				t.Setenv(name, value)
			}
			out, errs, code := command(t, append([]string{"providers", "check"}, test.args...)...)
			if code != test.code || !strings.Contains(out+errs, test.says) {
				t.Errorf("exit code %d, want %d and %q in\n%s%s", code, test.code, test.says, out, errs)
			}
		})
	}
}
