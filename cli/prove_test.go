package cli

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers/mockllm"
)

// TestProve goes the whole way: jobs whose data leaves and stays, a worker and an API
// that share nothing but Redis, and a ledger that is found out when it is touched.
func TestProve(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	models := httptest.NewServer(mockllm.New(mockllm.Config{}))
	t.Cleanup(models.Close)
	t.Setenv("KIMI_API_KEY", "x")
	t.Setenv("SPILLWAY_KIMI_URL", models.URL+mockllm.Path(mockllm.Kimi))
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUDIT_FILE", file)
	t.Setenv("SPILLWAY_AUDIT_KEY", strings.Repeat("ab", 32))
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))
	serve(t, regexp.MustCompile("worker is ready"), "worker", "--lane", "cloud")

	named := strings.Replace(opportunity, "{", `{"customer":"宁波方卓电器有限公司",`, 1)
	masked := decode(t, must(t, named, "submit", "A02", "--privacy", "mask", "--wait"))
	if masked.Degraded || masked.Attempts[0].Candidate == "" {
		t.Fatalf("no cloud has answered: %+v", masked.Attempts)
	}
	stays := strings.Replace(opportunity, "{", `{"customer":"Another",`, 1)
	must(t, stays, "submit", "A02", "--privacy", "local_only", "--wait")

	said := ""
	until(t, "the request is not in the log", func() bool {
		out, errs, code := command(t, "prove", "--since", "1h")
		if code != exitOK {
			t.Fatalf("exit %d: %s%s", code, out, errs)
		}
		said = out
		return strings.Contains(out, "1 request left")
	})
	for _, want := range []string{"kimi/", strings.TrimPrefix(models.URL, "http://"), "mask", "client 1", "the chain of", "Of jobs with privacy local_only nothing left."} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	if out := must(t, "", "prove", "--tenant", "nobody"); !strings.Contains(out, "Of tenant nobody, 0 requests left for a cloud.") {
		t.Errorf("of a tenant without jobs: %s", out)
	}
	if out := must(t, "", "prove", "--json"); !strings.Contains(out, `"job": "`+masked.ID+`"`) || !strings.Contains(out, `"local_only_left": false`) {
		t.Errorf("as JSON: %s", out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "方卓") || strings.Contains(string(text), "PCR-ABS") {
		t.Error("the ledger holds data of a job")
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), `"provider":"kimi"`, `"provider":"none"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := command(t, "prove"); code != exitError || !strings.Contains(errs, "its hash does not match") {
		t.Errorf("a line that was changed: exit %d, %s%s", code, out, errs)
	}
}

func TestProveReadsTimes(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"2026-10-01":           time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC),
		"2026-10-01T08:00:00Z": time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC),
		"24h":                  now.Add(-24 * time.Hour),
	} {
		if got, err := readTime("--since", text, zone, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"yesterday", "-24h", "2026-13-01"} {
		if _, err := readTime("--since", bad, zone, now); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := (proveCommand{Since: "1h", Until: "2h"}).window(zone, now); err == nil {
		t.Error("a window that ends before it begins is accepted")
	}
}
