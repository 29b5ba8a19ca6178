package cli

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/redistest"
)

func TestAWorkerWaitsForItsRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	operators := freeAddress(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+server.Addr)
	t.Setenv("SPILLWAY_WORKER_LISTEN", operators)
	t.Setenv("SPILLWAY_REDIS_WAIT", "1m")
	worker := serve(t, regexp.MustCompile(`msg="waiting for Redis before the start" at=127`), "worker")
	if status, body := fetchText(t, "http://"+operators+"/livez"); status != http.StatusOK {
		t.Errorf("/livez: %d %s", status, body)
	}
	if status, body := fetchText(t, "http://"+operators+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "waiting for Redis") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	server.Restart(t)
	until(t, "the worker does not start", func() bool { return strings.Contains(worker.log.String(), "worker is ready") })
	until(t, "it is not ready", func() bool { status, _ := fetchText(t, "http://"+operators+"/readyz"); return status == http.StatusOK })
}

func TestAProcessGivesUpWaitingForItsRedis(t *testing.T) {
	for _, command := range []string{"api", "worker"} {
		t.Setenv("SPILLWAY_REDIS_URL", "redis://"+freeAddress(t))
		t.Setenv("SPILLWAY_ADMIN_LISTEN", config.Off)
		t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
		t.Setenv("SPILLWAY_REDIS_WAIT", "1s")
		_, errs, code := commandWith(t, "", command)
		if code != exitError || !strings.Contains(errs, "waited for SPILLWAY_REDIS_WAIT, 1s") || !strings.Contains(errs, "no Redis answers at 127.0.0.1") {
			t.Errorf("%s: exit %d\n%s", command, code, errs)
		}
	}
}
