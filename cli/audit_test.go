package cli

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
)

// TestOperatorsAndTheirAuditLog goes the whole way: keys by commands, a login, a
// job, and an audit log that tells of it all and is found out when it is touched.
func TestOperatorsAndTheirAuditLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUTH", "required")
	t.Setenv("SPILLWAY_AUDIT_FILE", file)
	t.Setenv("SPILLWAY_AUDIT_KEY", strings.Repeat("ab", 32))
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))
	until(t, "operators are not served", func() bool { return strings.Contains(api.log.String(), "serving operators") })
	operators := "http://" + find(api.log.String(), `msg="serving operators" address=(\S+)`)

	key := strings.TrimSpace(must(t, "", "keys", "create", "--tenant", "acme", "--role", "operator"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	resp, err := browser.PostForm(operators+"/login", url.Values{"credential": {key}, "next": {"/dashboard/"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/dashboard/" {
		t.Errorf("login: got %d at %s", resp.StatusCode, resp.Request.URL)
	}
	if status, _ := get(t, operators+"/dashboard/api/queues", ""); status != http.StatusUnauthorized {
		t.Errorf("without a session: got %d", status)
	}
	t.Setenv("SPILLWAY_API_KEY", key)
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))
	must(t, "", "keys", "revoke", strings.Split(key, "_")[2])
	text := func() string {
		all, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}
	until(t, "the revocation is not recorded", func() bool { return strings.Contains(text(), "keys.revoke") })
	api.stop()

	for _, want := range []string{`"action":"audit.begin"`, `"action":"keys.create"`, `"action":"login"`, `"object":"/jobs/` + id + `"`} {
		if strings.Count(text(), want) != 1 {
			t.Errorf("want one line with %s in\n%s", want, text())
		}
	}
	for _, never := range []string{"PCR-ABS", key, key[24:]} {
		if strings.Contains(text(), never) || strings.Contains(api.log.String(), never) {
			t.Errorf("the audit log or the log has %s", never)
		}
	}
	said := must(t, "", "audit", "verify", file)
	must(t, "", "audit", "verify", "--anchor", find(said, `hash is (\w+)`), file)
	must(t, "", "audit", "verify", "--from-start", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(whole), "\n")
	cut := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(cut, []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "", "audit", "verify", cut) // a later file of a log
	if _, errs, code := command(t, "audit", "verify", "--from-start", cut); code != exitError || !strings.Contains(errs, "lines are missing at the front: the first is number 2") {
		t.Errorf("without the first line: exit %d, %s", code, errs)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(text(), "acme", "evil", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "audit", "verify", file); code != exitError || !strings.Contains(errs, file+":2: ") {
		t.Errorf("a line that was changed: got %d, %s", code, errs)
	}
}
