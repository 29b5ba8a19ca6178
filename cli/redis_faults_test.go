package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// Redis can answer and take no writes: its disk or memory is full, or it has
// become a replica. What was written can still be read.
func TestReadsGoOnWhileRedisTakesNoWrites(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_ADMIN_LISTEN", "127.0.0.1:0")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))
	operators := ""
	until(t, "operators are not served", func() bool {
		operators = find(api.log.String(), `msg="serving operators" address=(\S+)`)
		return operators != ""
	})
	operators = "http://" + operators
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))

	for name, refuse := range map[string]struct{ setting, on, off, says string }{
		"NOREPLICAS": {"min-replicas-to-write", "1", "0", "too few replicas"},
		"OOM":        {"maxmemory", "1", "0", "its memory is full"},
	} {
		if err := rdb.ConfigSet(t.Context(), refuse.setting, refuse.on).Err(); err != nil {
			t.Fatal(err)
		}
		if j := decode(t, must(t, "", "get", id)); j.State != tasks.Queued {
			t.Errorf("%s: got %s", name, j.State)
		}
		if _, errs, code := commandWith(t, opportunity, "submit", "A02"); code != exitError || !strings.Contains(errs, "503") {
			t.Errorf("%s: a new job: exit %d, %s", name, code, errs)
		}
		if status, body := fetchText(t, operators+"/readyz"); status != http.StatusOK || !strings.HasPrefix(body, "degraded\n") || !strings.Contains(body, refuse.says) {
			t.Errorf("%s: /readyz: %d %s", name, status, body)
		}
		if status, body := fetchText(t, operators+"/health"); status != http.StatusServiceUnavailable || !strings.Contains(body, "unknown: Redis refuses writes") || !strings.Contains(body, refuse.says) {
			t.Errorf("%s: /health: %d %s", name, status, body)
		}
		if out, _, _ := command(t, "doctor"); !strings.Contains(out, refuse.says) || !strings.Contains(out, "unknown: Redis refuses writes") || strings.Contains(out, "none is alive") {
			t.Errorf("%s: doctor says\n%s", name, out)
		}
		if out, errs, code := command(t, "providers", "status"); code != exitError || !strings.Contains(errs, "Redis refuses writes") || !strings.Contains(errs, refuse.says) {
			t.Errorf("%s: providers status: exit %d\n%s%s", name, code, out, errs)
		}
		if err := rdb.ConfigSet(t.Context(), refuse.setting, refuse.off).Err(); err != nil {
			t.Fatal(err)
		}
		until(t, name+": no job is taken after writes are back", func() bool {
			_, _, code := commandWith(t, opportunity, "submit", "A02")
			return code == exitOK
		})
	}
}

func fetchText(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url) //nolint:noctx // of a server of this test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// The rule of docs/operations.md lets a user do all that is needed: Redis notes
// in its ACL log whatever it refuses.
func TestTheDocumentedUserMayDoAllThatIsNeeded(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```acl\nACL SETUSER (.*?)\n```").FindStringSubmatch(string(page))
	if m == nil {
		t.Fatal("docs/operations.md has no rule")
	}
	server := redistest.Start(t)
	rdb := server.Client(t)
	setUser(t, rdb, m[1])
	t.Setenv("SPILLWAY_REDIS_URL", "redis://spillway:PASSWORD@"+server.Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_ADMIN_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUTH", "required")
	t.Setenv("SPILLWAY_BUDGETS", "tenant:*=1/day")
	t.Setenv("SPILLWAY_LIMITS", "ollama:rpm=1000,tpm=1000000,concurrency=4")
	t.Setenv("SPILLWAY_WEBHOOK_SECRET", "whsec_"+strings.Repeat("aHVz", 8))
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:8b", says(analysisOf(t, "A02", opportunity))))
	t.Setenv("SPILLWAY_WEBHOOK_ALLOW", "127.0.0.0/8")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))
	worker := serve(t, regexp.MustCompile("worker is ready"), "worker")
	t.Setenv("SPILLWAY_API_KEY", strings.TrimSpace(must(t, "", "keys", "create", "--tenant", "acme", "--role", "operator")))

	called := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		called <- string(body)
	}))
	defer receiver.Close()
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02", "--callback", receiver.URL))
	must(t, "", "watch", id)
	if j := decode(t, must(t, "", "get", id, "--wait")); j.State != tasks.Succeeded || j.Degraded {
		t.Errorf("got %s, degraded %t", j.State, j.Degraded)
	}
	if body := receive(t, called); !strings.Contains(body, id) {
		t.Errorf("webhook: got %s", body)
	}
	later := strings.TrimSpace(must(t, opportunity, "submit", "A02", "--run-at", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	must(t, "", "cancel", later)
	must(t, "", "retry", later)
	must(t, "", "get", later, "--wait")
	must(t, "", "budgets")
	must(t, "", "agents", "stats")
	must(t, "", "agents", "push", a02)
	must(t, "", "agents", "versions", "A02")
	if out, _, _ := command(t, "doctor"); !strings.Contains(out, "its user may use all commands, keys and channels that are needed") {
		t.Errorf("doctor says\n%s", out)
	}
	if log := api.log.String() + worker.log.String(); strings.Contains(log, "NOPERM") || strings.Contains(log, "lacks permissions") {
		t.Errorf("a process was refused something:\n%s", log)
	}
	checkKeys(t, rdb)
	refused, err := rdb.Do(t.Context(), "ACL", "LOG").Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range refused {
		t.Errorf("Redis refused: %v", entry)
	}
}

// setUser makes a user by the arguments of ACL SETUSER.
func setUser(t *testing.T, rdb *redis.Client, rule string) {
	t.Helper()
	args := []any{"ACL", "SETUSER"}
	for word := range strings.FieldsSeq(rule) {
		args = append(args, word)
	}
	if err := rdb.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorNamesWhatTheUserLacks(t *testing.T) {
	for rule, want := range map[string]string{
		"~* resetchannels +@all":                   "&asynq:* &spillway:*",
		"~* &* +@all -xadd -hset":                  "+hset +xadd",
		"~* &* +@all -expire -expireat -rpop":      "+expire +expireat +rpop",
		"~* &* +@all -scan -setex -sismember":      "+scan +setex +sismember",
		"~asynq:* &* +@all":                        "~spillway:*",
		"~spillway:* ~asynq:* &* +@all -subscribe": "+subscribe",
		"~* &* +@all -multi -exec":                 "+exec +multi",
		"~* &* +@all -unsubscribe":                 "+unsubscribe",
	} {
		server := redistest.Start(t)
		setUser(t, server.Client(t), "app on >pw "+rule)
		t.Setenv("SPILLWAY_REDIS_URL", "redis://app:pw@"+server.Addr)
		out, _, code := command(t, "doctor")
		if code != exitError || !strings.Contains(out, "its user lacks "+want+"\n") {
			t.Errorf("%s: want %q in\n%s", rule, want, out)
		}
	}
}

// A process that starts before its Redis waits for it, lives and is not ready.
func TestAProcessWaitsForItsRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	operators := freeAddress(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_ADMIN_LISTEN", operators)
	t.Setenv("SPILLWAY_REDIS_WAIT", "1m")
	api := serve(t, regexp.MustCompile(`msg="waiting for Redis before the start" at=127`), "api")
	if status, body := fetchText(t, "http://"+operators+"/livez"); status != http.StatusOK {
		t.Errorf("/livez: %d %s", status, body)
	}
	if status, body := fetchText(t, "http://"+operators+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "waiting for Redis") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	server.Restart(t)
	until(t, "the API does not start", func() bool { return strings.Contains(api.log.String(), "serving the API") })
	until(t, "it is not ready", func() bool { status, _ := fetchText(t, "http://"+operators+"/readyz"); return status == http.StatusOK })
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
