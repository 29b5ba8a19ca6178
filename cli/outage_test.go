package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
)

// mocked starts "spillway dev" with two clouds and no local models, all of which
// are a mock that does in every call what direct says.
func mocked(t *testing.T, direct func(mockllm.Ask) (mockllm.Act, bool)) (*served, *mockllm.Server) {
	t.Helper()
	models := mockllm.New(mockllm.Config{Direct: direct})
	server := httptest.NewServer(models)
	t.Cleanup(server.Close)
	for _, name := range []string{mockllm.Kimi, mockllm.DeepSeek} {
		t.Setenv(strings.ToUpper(name)+"_API_KEY", "x")
		t.Setenv("SPILLWAY_"+strings.ToUpper(name)+"_URL", server.URL+mockllm.Path(name))
	}
	return dev(t), models
}

// ask asks the API for a job, or to make one. It waits for its end for as long
// as prefer says.
func ask(t *testing.T, method, url, prefer, body string) *tasks.Job {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", prefer)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	job := &tasks.Job{}
	if err := json.Unmarshal(raw, job); err != nil || job.ID == "" {
		t.Fatalf("%d %s", resp.StatusCode, raw)
	}
	return job
}

// A provider that answers every call with 500 is left after five of them, and
// nobody but the log notices.
func TestAProviderThatFailsIsLeft(t *testing.T) {
	t.Setenv("SPILLWAY_BREAKER_COOL_DOWN", "1h") // longer than this test, on any machine
	var failed atomic.Int64
	s, _ := mocked(t, func(a mockllm.Ask) (mockllm.Act, bool) {
		if a.Provider != mockllm.Kimi {
			return mockllm.Act{}, false
		}
		failed.Add(1)
		return mockllm.Act{Fault: mockllm.ServerError}, true
	})
	for i := range 8 {
		job := ask(t, http.MethodPost, s.api+"/jobs", "wait=30", fmt.Sprintf(`{"agent":"A02","input":{"product":"P%d"}}`, i))
		if job.State != tasks.Succeeded || job.Degraded || job.Lane != tasks.Cloud {
			t.Errorf("job %d: %s on %s, degraded %t: %+v", i, job.State, job.Lane, job.Degraded, job.Attempts)
		}
	}
	if n := failed.Load(); n == 0 || n > 5 {
		t.Errorf("%d calls before the provider was left, want 1 to 5", n)
	}
}

// However long every provider is away, a job that would rather wait is lost no
// more than one that is answered at once.
func TestATotalOutageLosesNoJobThatWaits(t *testing.T) {
	t.Setenv("SPILLWAY_BREAKER_COOL_DOWN", "100ms")
	const jobs, calls = 5, 5
	var down atomic.Bool
	down.Store(true)
	failed := make(chan bool, 1000)
	s, models := mocked(t, func(mockllm.Ask) (mockllm.Act, bool) {
		if !down.Load() {
			return mockllm.Act{}, false
		}
		select {
		case failed <- true:
		default:
		}
		return mockllm.Act{Fault: mockllm.ServerError}, true
	})
	var ids []string
	for i := range jobs {
		job := ask(t, http.MethodPost, s.api+"/jobs", "wait=0", fmt.Sprintf(`{"agent":"A02","on_exhausted":"wait","input":{"product":"P%d"}}`, i))
		ids = append(ids, job.ID)
	}
	for range calls {
		receive(t, failed)
	}
	for _, id := range ids {
		if job := ask(t, http.MethodGet, s.api+"/jobs/"+id, "wait=0", ""); job.State.Terminal() {
			t.Errorf("%s ended in the outage: %s", id, job.State)
		}
	}
	down.Store(false)
	for _, id := range ids {
		if job := ask(t, http.MethodGet, s.api+"/jobs/"+id, "wait=60", ""); job.State != tasks.Succeeded || job.Degraded {
			t.Errorf("%s: %s, degraded %t after the outage: %+v", id, job.State, job.Degraded, job.Attempts)
		}
	}
	if t.Failed() {
		t.Logf("%+v", models.Stats().Calls)
	}
}
