package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
)

// doctorSays runs the doctor and checks its exit code and lines that it prints.
func doctorSays(t *testing.T, code int, want ...string) {
	t.Helper()
	out, errs, got := command(t, "doctor")
	if got != code {
		t.Errorf("exit code: got %d, want %d (%s)", got, code, errs)
	}
	for _, line := range want {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(out) {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
}

func TestDoctorOnARunningInstallation(t *testing.T) {
	models := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"models":[{"name":"qwen2.5:7b","model":"qwen2.5:7b","details":{"family":"qwen2","parameter_size":"7.6B"}}]}`)
	}))
	defer models.Close()
	refused := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"message":"no such key"}}`)
	}))
	defer refused.Close()
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_OLLAMA_URL", models.URL)
	doctorSays(t, exitError, `FAIL +workers +none is alive\n +→ start one`)

	serve(t, regexp.MustCompile("worker is ready"), "worker", "--lane", "local")
	doctorSays(t, exitOK, `ok +redis `, `ok +redis \S+ eviction`, `ok +worker \S+ +.*local \(0 of 1 slots busy\)`, `warn +lane cloud`,
		`ok +queues `, `ok +agents `, `ok +ollama +.*1 model`, `warn +model deepseek-r1:32b +.*A02`, `warn +clouds +no key`)

	t.Setenv("DEEPSEEK_API_KEY", "wrong")
	t.Setenv("SPILLWAY_DEEPSEEK_URL", refused.URL)
	doctorSays(t, exitError, `FAIL +cloud deepseek .*\n +→ put a valid key into DEEPSEEK_API_KEY`)
}

func TestDoctorWithoutRedis(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://:secret@127.0.0.1:1")
	doctorSays(t, exitError, `FAIL +redis +127.0.0.1:1: .*refused`, `warn +ollama`, `ok +agents`)
	if out, _, _ := command(t, "doctor"); strings.Contains(out, "secret") {
		t.Errorf("it prints the password:\n%s", out)
	}
}

func TestDoctorOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	t.Setenv("SPILLWAY_REDIS_URL", cluster.URL())
	var want []string
	for _, m := range cluster.Masters {
		want = append(want, `ok +redis `+m.Addr+` cluster +serves every slot`)
	}
	doctorSays(t, exitError, want...) // for want of a worker
}
