package cli

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/webhook"
)

// API and worker are systems of their own, which share a Redis and nothing else.
func TestAPIAndWorkerOnARealRedis(t *testing.T) {
	const model = "qwen3:8b"
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_WORKER_DRAIN", "5s")
	t.Setenv("SPILLWAY_WEBHOOK_SECRET", webhook.NewSecret().Reveal())
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, model, says(analysisOf(t, "A02", opportunity))))

	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))

	// A job that is posted while no worker lives waits for one.
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))
	if j := decode(t, must(t, "", "get", id)); j.State != tasks.Queued {
		t.Errorf("without a worker: got %s, want %s", j.State, tasks.Queued)
	}
	worker := serve(t, regexp.MustCompile("worker is ready"), "worker", "--lane", "local")
	j := decode(t, must(t, "", "get", id, "--wait"))
	if j.State != tasks.Succeeded {
		t.Errorf("got %+v", j)
	}
	another := strings.Replace(opportunity, "{", `{"customer":"Another",`, 1) // else the first one's result answers it
	j = decode(t, must(t, another, "submit", "A02", "--wait"))
	if j.State != tasks.Succeeded || j.Degraded || j.Attempts[0].Candidate != "ollama/"+model {
		t.Errorf("got %+v, want the answer of %s", j, model)
	}
	if code := worker.stop(); code != exitOK {
		t.Errorf("an interrupted worker: got exit code %d", code)
	}
	if code := api.stop(); code != exitOK {
		t.Errorf("an interrupted API: got exit code %d", code)
	}
}

func TestServingWithoutRedisSaysWhatToDo(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://127.0.0.1:1")
	t.Setenv("SPILLWAY_REDIS_WAIT", "0s")
	for _, name := range []string{"api", "worker"} {
		if _, errs, code := command(t, name); code != exitError || !strings.Contains(errs, "no Redis answers at 127.0.0.1:1") || !strings.Contains(errs, "spillway dev") {
			t.Errorf("%s: got %d, %s", name, code, errs)
		}
	}
}

// The first signal lets jobs finish, the second does not.
func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	hang, asked := hangs()
	ollama := fakeOllama(t, "slow:1b", hang)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))

	worker := exec.Command(filepath.Join(binary(t), "spillway"), "worker", "--lane", "local")
	worker.Env = append(worker.Environ(), "SPILLWAY_OLLAMA_URL="+ollama)
	log, err := worker.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Process.Kill()
	ready, _ := untilReady(log, regexp.MustCompile("worker is ready"))
	receive(t, ready)
	must(t, "", "submit", "A04", "-f", "../examples/a04_daily_report.json")
	receive(t, asked)

	worker.Process.Signal(syscall.SIGTERM)
	awaitLeaving(t)
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- worker.Wait() }()
	again := time.NewTicker(100 * time.Millisecond) // the first may not be done with yet
	defer again.Stop()
	for {
		select {
		case err := <-ended:
			if status := worker.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
				t.Errorf("got %v, want it ended by the signal", err)
			}
			return
		case <-again.C:
			if time.Since(began) > patient {
				t.Fatal("the worker does not end")
			}
			worker.Process.Signal(syscall.SIGTERM)
		}
	}
}

// awaitLeaving waits until health shows no worker.
func awaitLeaving(t *testing.T) {
	t.Helper()
	url := os.Getenv("SPILLWAY_URL") + "/health"
	for began := time.Now(); time.Since(began) < patient; {
		if status, body := get(t, url, ""); status == http.StatusOK && !strings.Contains(body, `"workers":1`) {
			return
		}
	}
	t.Fatal("the worker does not sign off")
}

// In a shell an interrupt is told from an error by the code 130.
func TestExitCodesOfTheProcess(t *testing.T) {
	program := filepath.Join(binary(t), "spillway")
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitOK, ""},
		{[]string{"agents", "list"}, exitOK, ""},
		{[]string{"agents", "show", "Z99"}, exitError, `there is no agent "Z99"`},
		{[]string{"get", "job_1"}, exitError, "no Spillway answers at " + nobody},
		{[]string{"bogus"}, exitUsage, "Try: spillway --help\n"},
		{[]string{"agents", "bogus"}, exitUsage, "Try: spillway agents --help\n"},
		{[]string{"submit"}, exitUsage, "Try: spillway submit --help\n"},
		{[]string{"--bogus"}, exitUsage, "Try: spillway --help\n"},
		{[]string{"worker", "--lane", "moon"}, exitUsage, "Try: spillway worker --help\n"},
	} {
		c := exec.Command(program, tt.args...)
		c.Env = append(c.Environ(), "SPILLWAY_URL="+nobody)
		var errs bytes.Buffer
		c.Stderr = &errs
		c.Run()
		if got := c.ProcessState.ExitCode(); got != tt.code || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%v: got %d, %q, want %d, %q", tt.args, got, errs.String(), tt.code, tt.says)
		}
	}
}
