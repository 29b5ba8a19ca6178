package cli

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// scrape returns what Prometheus is told.
func scrape(t *testing.T, place string) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, place+"/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("got %d\n%s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return families
}

// labelled finds the metric of a family that has this value among its labels.
func labelled(f *dto.MetricFamily, value string) *dto.Metric {
	for _, m := range f.GetMetric() {
		if slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == value }) {
			return m
		}
	}
	return nil
}

// labels are those that metrics may have; none of them tells whose a job is, or
// which.
var labels = []string{"agent",
	"operation", "status", "kind", "state", "outcome", "gen_ai_provider_name", "gen_ai_request_model", "by", "lane", "agent", "queue", "version", "revision", "go_version", "quantile", "le", "reason",
}

func TestMetricsTellOfJobs(t *testing.T) {
	s := dev(t)
	must(t, opportunity, "submit", "A02", "--wait")
	told := scrape(t, s.dashboard)
	if n := labelled(told["spillway_jobs_entered_total"], "succeeded").GetCounter().GetValue(); n != 1 {
		t.Errorf("succeeded: got %v", n)
	}
	if n := labelled(told["spillway_http_request_duration_seconds"], "submitJob").GetHistogram().GetSampleCount(); n != 1 {
		t.Errorf("submitted: got %v", n)
	}
	if n := labelled(told["spillway_workers"], "scorecard").GetGauge().GetValue(); n != 1 {
		t.Errorf("workers: got %v", n)
	}
	for _, name := range []string{
		"go_goroutines", "process_resident_memory_bytes", "spillway_build_info", "spillway_redis_up", "spillway_jobs",
		"spillway_http_held_requests", "spillway_webhook_delivery_duration_seconds", "asynq_queue_size", "asynq_queue_latency_seconds", "asynq_tasks_processed_total",
	} {
		if told[name] == nil {
			t.Errorf("%s is not told; there are %v", name, slices.Sorted(maps.Keys(told)))
		}
	}
	for name, family := range told {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if ours := strings.HasPrefix(name, "spillway_") || strings.HasPrefix(name, "asynq_"); ours && !slices.Contains(labels, l.GetName()) {
					t.Errorf("%s has the label %s", name, l.GetName())
				}
			}
		}
	}
}

// A worker tells of the calls of models, and shows no pages.
func TestAWorkerTellsOfItsCalls(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_WORKER_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, "qwen3:8b", says(analysisOf(t, "A02", opportunity))))
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `serving the API" address=(\S+)`))
	worker := serve(t, regexp.MustCompile("worker is ready"), "worker", "--lane", "local")
	if j := decode(t, must(t, opportunity, "submit", "A02", "--wait")); j.State != tasks.Succeeded || j.Degraded {
		t.Fatalf("got %+v", j)
	}
	place := "http://" + find(worker.log.String(), `worker is ready".* probes=(\S+)`)
	told := scrape(t, place)
	if n := labelled(told["gen_ai_client_operation_duration_seconds"], "ollama").GetHistogram().GetSampleCount(); n != 1 {
		t.Errorf("calls: got %d", n)
	}
	if n := labelled(told["spillway_jobs_entered_total"], "succeeded").GetCounter().GetValue(); n != 1 {
		t.Errorf("succeeded: got %v", n)
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/": 404, "/dashboard/": 404, "/login": 404} {
		if status, body := get(t, place+path, ""); status != want {
			t.Errorf("%s: got %d, want %d\n%.200s", path, status, want, body)
		}
	}
}

func TestAWorkerTellsNobodyInTheClear(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_WORKER_LISTEN", "0.0.0.0:0")
	if _, errs, code := command(t, "worker"); code != exitError || !strings.Contains(errs, "SPILLWAY_WORKER_LISTEN=0.0.0.0:0 can be reached") {
		t.Errorf("got %d, %s", code, errs)
	}
}
