package cli

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// One tenant submits as much as it can to a Redis of 24 MB: the other's jobs are
// taken and read all the time.
func TestOneTenantCannotFillRedisForAll(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	if err := rdb.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(24<<20)).Err(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUTH", "required")
	t.Setenv("SPILLWAY_RATE_LIMIT", "none")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))
	key := func(tenant string) string {
		return strings.TrimSpace(must(t, "", "keys", "create", "--tenant", tenant, "--role", "submitter"))
	}
	light, greedy := key("light"), key("greedy")
	t.Setenv("SPILLWAY_API_KEY", light)
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))

	t.Setenv("SPILLWAY_API_KEY", greedy)
	batch := strings.Repeat(`{"agent":"A02","input":{"product":"x","notes":"`+strings.Repeat("y", 500)+`"}}`+"\n", 500)
	refused := 0
	for range 6 {
		refused += strings.Count(post(t, "/jobs/batch", greedy, batch), `"code":"quota_exceeded"`)
	}
	if refused == 0 {
		t.Error("3,000 jobs of one tenant were taken, more than its third of the memory")
	}
	t.Setenv("SPILLWAY_API_KEY", light)
	if j := decode(t, must(t, "", "get", id)); j.State != tasks.Queued {
		t.Errorf("got %s", j.State)
	}
	for range 20 {
		must(t, opportunity, "submit", "A02")
	}
}

func post(t *testing.T, path, key, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv("SPILLWAY_URL")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Above the high-water mark new jobs are refused, and the rest goes on.
func TestAboveTheHighWaterMark(t *testing.T) {
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
	if err := rdb.Set(t.Context(), "ballast", strings.Repeat("x", 56<<20), 0).Err(); err != nil {
		t.Fatal(err)
	}
	// What is still to be written to disk counts as memory, too, for a moment.
	var used, before int64
	until(t, "the ballast is not on disk", func() bool {
		before, used = used, redisconn.NewMemory(rdb, 1).Use(t.Context()).Used
		return used < 80<<20 && before-used < 1<<20 && used-before < 1<<20
	})
	if err := rdb.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(used*100/90)).Err(); err != nil { // nine tenths are in use
		t.Fatal(err)
	}
	until(t, "new jobs are taken", func() bool {
		_, errs, code := commandWith(t, opportunity, "submit", "A02")
		return code == exitError && strings.Contains(errs, "503") && strings.Contains(errs, "no room for new jobs")
	})
	if j := decode(t, must(t, "", "get", id)); j.State != tasks.Queued {
		t.Errorf("a read: got %s", j.State)
	}
	must(t, "", "cancel", id)
	if _, errs, code := command(t, "retry", id); code != exitError || !strings.Contains(errs, "503") {
		t.Errorf("a retry: exit %d, %s", code, errs)
	}
	if status, body := fetchText(t, operators+"/readyz"); status != http.StatusOK || !strings.Contains(body, "SPILLWAY_REDIS_HIGH_WATER") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, body := fetchText(t, operators+"/health"); status != http.StatusServiceUnavailable || !strings.Contains(body, "new jobs are refused") {
		t.Errorf("/health: %d %s", status, body)
	}
	if out, _, code := command(t, "doctor"); code != exitError || !strings.Contains(out, "redis high water") {
		t.Errorf("doctor: exit %d\n%s", code, out)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "no job is taken when there is room again", func() bool {
		_, _, code := commandWith(t, opportunity, "submit", "A02")
		return code == exitOK
	})
}
