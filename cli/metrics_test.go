package cli

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
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
var labels = []string{
	"operation", "status", "kind", "state", "by", "lane", "queue", "version", "revision", "go_version", "quantile", "le",
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
		"spillway_http_held_requests", "asynq_queue_size", "asynq_queue_latency_seconds", "asynq_tasks_processed_total",
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
