package cli

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestOpenListenersDoNotStart(t *testing.T) {
	t.Setenv("SPILLWAY_API_LISTEN", "0.0.0.0:0")
	t.Setenv("SPILLWAY_AUTH", "off")
	for _, name := range []string{"api", "dev"} {
		_, errs, code := command(t, name)
		if code != exitError || !strings.Contains(errs, "SPILLWAY_AUTH=off") || !strings.Contains(errs, "SPILLWAY_TLS_CERT") {
			t.Errorf("%s: got %d, %s", name, code, errs)
		}
	}
}

func TestKeysFromTheCommandLine(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUTH", "required")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))

	if _, errs, code := commandWith(t, "{}", "submit", "A02"); code != exitError || !strings.Contains(errs, "401") {
		t.Errorf("without a key: got %d, %s", code, errs)
	}
	key := strings.TrimSpace(must(t, "", "keys", "create", "--tenant", "acme", "--role", "submitter", "--name", "crm", "--expires", "90d"))
	t.Setenv("SPILLWAY_API_KEY", key)
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))
	if j := decode(t, must(t, "", "get", id)); j.Tenant != "acme" || j.State != tasks.Queued {
		t.Errorf("got a job of %s, %s", j.Tenant, j.State)
	}

	keyID := strings.Split(key, "_")[2]
	next := strings.TrimSpace(must(t, "", "keys", "rotate", keyID, "--overlap", "7d"))
	listed := must(t, "", "keys", "list")
	for _, want := range []string{`spw_live_` + keyID + `_….{4} +acme +crm +agents:read,jobs:cancel,jobs:read,jobs:write +until `, strings.Split(next, "_")[2]} {
		if !regexp.MustCompile(want).MatchString(listed) {
			t.Errorf("no line like %s in\n%s", want, listed)
		}
	}
	if strings.Contains(listed, key[25:60]) || strings.Contains(api.log.String(), key) {
		t.Error("the key is shown again")
	}
	must(t, "", "keys", "revoke", keyID)
	until(t, "the revoked key still counts", func() bool {
		_, errs, _ := command(t, "get", id)
		return strings.Contains(errs, "401")
	})
	t.Setenv("SPILLWAY_API_KEY", next)
	must(t, "", "get", id)
	for _, wrong := range [][]string{
		{"create", "--tenant", "acme"}, {"create", "--tenant", "a b", "--role", "viewer"}, {"create", "--tenant", "acme", "--role", "king"},
		{"create", "--tenant", "acme", "--scope", "jobs:all"}, {"create", "--tenant", "acme", "--role", "viewer", "--allow-ip", "x"},
		{"revoke", "nobody"}, {"rotate", keyID},
	} {
		if out, errs, code := command(t, append([]string{"keys"}, wrong...)...); code == exitOK || out != "" || errs == "" {
			t.Errorf("%v: got %d, %q, %q", wrong, code, out, errs)
		}
	}
}

// until asks until the answer is yes.
func until(t *testing.T, otherwise string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
	}
}
