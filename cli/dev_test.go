package cli

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/tasks"
)

// opportunity is an input that every installation can score.
const opportunity = `{"product":"PCR-ABS","authority":"high","budget_allocated":"yes"}`

// decode reads a job that a command printed.
func decode(t *testing.T, text string) tasks.Job {
	t.Helper()
	var j tasks.Job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		t.Fatalf("not a job: %v\n%s", err, text)
	}
	return j
}

// must runs a command that is to succeed.
func must(t *testing.T, stdin string, args ...string) (stdout string) {
	t.Helper()
	out, errs, code := commandWith(t, stdin, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

// TestDev goes the whole way through "spillway dev", by the commands that a user
// has.
func TestDev(t *testing.T) {
	s := dev(t)

	t.Run("a job is submitted and waited for", func(t *testing.T) {
		j := decode(t, must(t, opportunity, "submit", "A02", "--language", "en", "--wait"))
		if j.State != tasks.Succeeded || !j.Degraded || len(j.Attempts) != 1 || j.Attempts[0].Candidate != "scorecard/rules" {
			t.Errorf("got %+v, want the scorecard's answer", j)
		}
		if again := decode(t, must(t, "", "get", j.ID, "-w")); again.ID != j.ID || string(again.Result) != string(j.Result) {
			t.Errorf("get: got %+v", again)
		}
	})

	t.Run("its events are followed", func(t *testing.T) {
		id := strings.TrimSpace(must(t, "", "submit", "A05", "-f", "../examples/a05_customer.json"))
		out := must(t, "", "watch", id)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if !strings.Contains(lines[0], "  1  job.queued") || !strings.Contains(out, "job.succeeded") {
			t.Errorf("got\n%s", out)
		}
	})

	t.Run("a job for later is canceled, retried and done", func(t *testing.T) {
		later := time.Now().Add(time.Hour).Format(time.RFC3339)
		id := strings.TrimSpace(must(t, opportunity, "submit", "A02", "--run-at", later))
		if out := must(t, "", "cancel", id); out != id+" canceled\n" {
			t.Errorf("cancel: got %q", out)
		}
		if _, errs, code := command(t, "get", id, "--wait"); code != exitError || errs != "spillway: the job was canceled\n" {
			t.Errorf("get: got %d, %q", code, errs)
		}
		if out := must(t, "", "retry", id); out != id+" queued\n" {
			t.Errorf("retry: got %q", out)
		}
		if j := decode(t, must(t, "", "get", id, "--wait")); j.State != tasks.Succeeded {
			t.Errorf("got %+v", j)
		}
		if _, errs, code := command(t, "cancel", id); code != exitError || !strings.Contains(errs, "409 Conflict") {
			t.Errorf("cancel what is done: got %d, %q", code, errs)
		}
	})

	t.Run("a bad input is refused, each fault with its place", func(t *testing.T) {
		_, errs, code := commandWith(t, `{"authority":"boss","x":1}`, "submit", "A02")
		if code != exitError || !strings.Contains(errs, "400 Bad Request") || !strings.Contains(errs, "\n  /input/authority: ") || !strings.Contains(errs, "\n  /input/x: ") {
			t.Errorf("got %d, %s", code, errs)
		}
		if _, errs, code := commandWith(t, `{`, "submit", "A02"); code != exitError || !strings.Contains(errs, "is not JSON") {
			t.Errorf("not JSON: got %d, %s", code, errs)
		}
	})

	t.Run("a webhook tells of the end, signed", func(t *testing.T) {
		verifier, err := standardwebhooks.NewWebhook(s.secret)
		if err != nil {
			t.Fatalf("dev printed the secret %q: %v", s.secret, err)
		}
		called := make(chan string, 1)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = verifier.Verify(body, r.Header)
			}
			if err != nil {
				t.Errorf("webhook: %v", err)
			}
			called <- string(body)
		}))
		defer receiver.Close()
		id := strings.TrimSpace(must(t, opportunity, "submit", "A02", "--callback", receiver.URL+"/hook"))
		if body := receive(t, called); !strings.Contains(body, `"job.succeeded"`) || !strings.Contains(body, id) {
			t.Errorf("got %s", body)
		}
	})

	t.Run("health is told", func(t *testing.T) {
		status, body := get(t, s.api+"/health", "")
		if status != http.StatusOK || !strings.Contains(body, `"lane":"scorecard"`) {
			t.Errorf("got %d, %s", status, body)
		}
	})

	t.Run("the dashboard answers to its own names only", func(t *testing.T) {
		port := s.dashboard[strings.LastIndex(s.dashboard, ":"):]
		for host, want := range map[string]int{
			"": 200, "localhost" + port: 200, "LOCALHOST": 200, "127.0.0.1": 200, "[::1]" + port: 200,
			"evil.example" + port: 403, "evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403,
		} {
			if got, body := get(t, s.dashboard+"/", host); got != want {
				t.Errorf("Host %q: got %d, want %d\n%.200s", host, got, want, body)
			}
		}
		if status, body := get(t, s.dashboard+"/dashboard/api/queues", ""); status != 200 || !strings.Contains(body, "scorecard") {
			t.Errorf("queues: got %d, %s", status, body)
		}
	})

	if code := s.stop(); code != exitOK {
		t.Errorf("an interrupted dev: got exit code %d, want %d", code, exitOK)
	}
}

func TestDevSaysWhichSettingMovesAnAddressThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, setting := range []string{"SPILLWAY_API_LISTEN", "SPILLWAY_ADMIN_LISTEN"} {
		t.Run(setting, func(t *testing.T) {
			t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
			t.Setenv("SPILLWAY_ADMIN_LISTEN", "127.0.0.1:0")
			t.Setenv(setting, taken.Addr().String())
			if _, errs, code := command(t, "dev"); code != exitError || !strings.Contains(errs, "Set "+setting) {
				t.Errorf("got %d, %s", code, errs)
			}
		})
	}
}

// A model that is running when dev is told to stop is not waited for long.
func TestDevStopsSoonWithAModelThatIsWriting(t *testing.T) {
	hang, asked := hangs()
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "slow:1b", hang))
	s := dev(t)
	must(t, "", "submit", "A04", "-f", "../examples/a04_daily_report.json")
	receive(t, asked)
	began := time.Now()
	code := s.stop()
	if took := time.Since(began); code != exitOK || took > app.DevDrain+5*time.Second {
		t.Errorf("got exit code %d after %v", code, took)
	}
	if log := s.log.String(); !regexp.MustCompile(`msg="stopping; .*press Ctrl-C again.*drain=3s`).MatchString(log) {
		t.Errorf("nothing tells how to hurry it:\n%s", log)
	}
}
