package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/tasks"
)

// requestsOf returns how many requests were measured, by operation and status.
func requestsOf(t *testing.T, r prometheus.Gatherer) map[[2]string]uint64 {
	t.Helper()
	counts := map[[2]string]uint64{}
	for _, m := range metricsOf(t, r, "spillway_http_request_duration_seconds") {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if len(labels) != 2 {
			t.Errorf("labels: got %v", labels)
		}
		counts[[2]string{labels["operation"], labels["status"]}] = m.GetHistogram().GetSampleCount()
	}
	return counts
}

func metricsOf(t *testing.T, r prometheus.Gatherer, name string) []*dto.Metric {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		return nil
	}
	return families[i].GetMetric()
}

func TestRequestsAreMeasuredByOperationAndStatus(t *testing.T) {
	r, m := prometheus.NewPedanticRegistry(), newMemory()
	h := newAPI(t, Config{Metrics: r}, m.deps())
	job := m.submitted(t)
	for _, c := range []struct {
		method, target, body string
		operation, status    string
	}{
		{"POST", "/jobs", submission, "submitJob", "2xx"},
		{"POST", "/jobs", "{", "submitJob", "4xx"},
		{"GET", "/jobs/" + job.ID, "", "getJob", "2xx"},
		{"HEAD", "/jobs/" + job.ID, "", "getJob", "2xx"},
		{"GET", "/jobs/job_0000000000000000000000000", "", "getJob", "4xx"},
		{"GET", "/no/such/path/" + job.ID, "", noOperation, "4xx"},
		{"DELETE", "/jobs", "", noOperation, "4xx"},
		{"BREW", "/jobs", "", noOperation, "4xx"},
	} {
		before := requestsOf(t, r)
		do(t, h, c.method, c.target, c.body)
		after := requestsOf(t, r)
		key := [2]string{c.operation, c.status}
		if after[key] != before[key]+1 {
			t.Errorf("%s %s: got %v after %v, want one more of %v", c.method, c.target, after, before, key)
		}
	}
}

func TestTheLabelsOfRequestsAreClosed(t *testing.T) {
	contract, err := contract.Read(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	known := []string{noOperation}
	for _, op := range contract.Operations {
		known = append(known, op.ID)
	}
	ring, r, m := newKeyring(t, access.Config{}), prometheus.NewPedanticRegistry(), newMemory()
	h := newAPI(t, Config{Guard: ring.guard, Metrics: r}, m.deps())
	for _, path := range []string{"/", "/health", "/jobs", "/jobs/job_1", "/jobs/job_1/events", "/agents", "/agents/A02", "/webhooks/endpoints", "/%ff", "/metrics"} {
		for _, method := range []string{"GET", "POST", "PATCH", "OPTIONS", "ANY"} {
			do(t, h, method, path, "")
		}
	}
	for key := range requestsOf(t, r) {
		if !slices.Contains(known, key[0]) || !slices.Contains(statusClasses[2:], key[1]) {
			t.Errorf("labels %v", key)
		}
	}
}

func TestStreamsAndWaitsAreCounted(t *testing.T) {
	r, m := prometheus.NewPedanticRegistry(), newMemory()
	h := newAPI(t, Config{Metrics: r, MaxStreams: 8}, m.deps())
	held := func() (events, waits, limit float64) {
		for _, of := range metricsOf(t, r, "spillway_http_held_requests") {
			switch of.GetLabel()[0].GetValue() {
			case "events":
				events = of.GetGauge().GetValue()
			case "wait":
				waits = of.GetGauge().GetValue()
			}
		}
		return events, waits, metricsOf(t, r, "spillway_http_held_requests_limit")[0].GetGauge().GetValue()
	}
	job := m.submitted(t)
	open, stop := follow(t, h, "/jobs/"+job.ID+"/events")
	defer stop()
	if got := <-open.status; got != http.StatusOK {
		t.Fatalf("stream: got %d", got)
	}
	if events, waits, limit := held(); events != 1 || waits != 0 || limit != 8 {
		t.Errorf("while a stream is open: got %v, %v, %v", events, waits, limit)
	}
	m.becomes(job.ID, tasks.Succeeded)
	for more := true; more; { // until the handler has returned
		_, more = open.next(t)
	}
	if events, waits, _ := held(); events != 0 || waits != 0 {
		t.Errorf("when it is over: got %v, %v", events, waits)
	}
	if got := requestsOf(t, r)[[2]string{"streamJobEvents", "2xx"}]; got != 1 {
		t.Errorf("requests: got %d", got)
	}
}

func TestNamesOfMetricsAreGood(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	do(t, newAPI(t, Config{Metrics: r}, newMemory().deps()), "GET", "/health", "")
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
}
