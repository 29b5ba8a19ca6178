package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEverySettingThatIsWrongIsNamedAtOnce(t *testing.T) {
	wrong := []struct{ name, value, says string }{
		{"SPILLWAY_SHARDS", "0", "want a number from 1 to 16384"},
		{"SPILLWAY_DURABILITY", "always", "want default or fsync"},
		{"SPILLWAY_API_LISTEN", "8080", `got "8080", want host:port`},
		{"SPILLWAY_API_MAX_BODY", "0", "want 1024 bytes or more"},
		{"SPILLWAY_API_MAX_STREAMS", "0", "want 1 or more"},
		{"SPILLWAY_ADMIN_LISTEN", "localhost:http", "want host:port"},
		{"SPILLWAY_AUDIT_KEY", "hush", "want 32 bytes or more"},
		{"SPILLWAY_OLLAMA_URL", "localhost:11434", "want a URL such as"},
		{"SPILLWAY_OLLAMA_NUM_CTX", "-1", "want 1 or more"},
		{"SPILLWAY_OLLAMA_STAND_IN", "perhaps", `got "perhaps", want true or false`},
		{"SPILLWAY_LOCAL_TIMEOUT", "0s", "want more than 0"},
		{"SPILLWAY_CLOUD_TIMEOUT", "60", `got "60", want a duration such as 90s`},
		{"SPILLWAY_LOCAL_SLOTS", "0", "got 0, want 1 or more"},
		{"SPILLWAY_CLOUD_SLOTS", "many", `got "many", want a whole number`},
		{"SPILLWAY_HOST_CPU_LIMIT", "101", "want a percentage from 0 to 100"},
		{"SPILLWAY_HOST_MEMORY_LIMIT", "-1", "want a percentage from 0 to 100"},
		{"SPILLWAY_WORKER_DRAIN", "-1s", "want 0 or more"},
		{"SPILLWAY_RETENTION", "59s", "got 59s, want 1m0s or more"},
		{"SPILLWAY_WEBHOOK_SECRET", "whsec_hush", "want whsec_ and the base64"},
		{"SPILLWAY_WEBHOOK_ALLOW", "10.0.0.1", "want networks such as"},
		{"SPILLWAY_LOG_LEVEL", "loud", "want DEBUG, INFO, WARN or ERROR"},
		{"SPILLWAY_LOG_FORMAT", "xml", `got "xml", want text or json`},
		{"SPILLWAY_OPENAI_COMPATIBLE", "farm=10.0.0.9:8000", "want name=URL, such as farm=http"},
		{"SPILLWAY_PROVIDERS_FILE", "testdata/none.yaml", "no such file"},
		{"SPILLWAY_CLOUD_ORDER", "huge=kimi", "want each complexity once"},
		{"SPILLWAY_COZE_MODEL", "", "want the ID of a bot"},
		{"SPILLWAY_KIMI_URL", "https://user:hush@", "want a URL such as https://api.moonshot.ai/v1"},
	}
	t.Setenv("KIMI_API_KEY", "hush")
	t.Setenv("COZE_API_KEY", "hush")
	for _, w := range wrong {
		t.Setenv(w.name, w.value)
	}
	_, err := Read()
	if err == nil {
		t.Fatal("settings that make no sense are accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 1+len(wrong) {
		t.Errorf("got %d lines, want a title and one for each of %d settings:\n%v", len(lines), len(wrong), err)
	}
	for _, w := range wrong {
		if !regexp.MustCompile(`\n  ` + w.name + `: .*` + regexp.QuoteMeta(w.says)).MatchString(err.Error()) {
			t.Errorf("%s=%s: want it said that %s in\n%v", w.name, w.value, w.says, err)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("the error shows a secret:\n%v", err)
	}
}

func TestTheDefaultsAreValid(t *testing.T) {
	t.Setenv("SPILLWAY_OLLAMA_URL", "") // to have it restored
	os.Unsetenv("SPILLWAY_OLLAMA_URL")
	cfg, err := Read()
	if err != nil || cfg.Validate() != nil {
		t.Errorf("got %v, %v", err, cfg.Validate())
	}
}
