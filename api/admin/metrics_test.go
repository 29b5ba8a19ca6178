package admin

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/topcentral/spillway/api/access"
)

// someMetrics has one that can be told and one that cannot.
func someMetrics() prometheus.Gatherer {
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "good_total", Help: "One."}, func() float64 { return 1 }), broken{})
	return r
}

type broken struct{}

func (broken) Describe(chan<- *prometheus.Desc) {}

func (broken) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(prometheus.NewDesc("bad", "None.", nil, nil), errors.New("nobody knows"))
}

func TestMetricsAreForOperators(t *testing.T) {
	s := newSite(t, true)
	for as, want := range map[string]int{"": 401, s.key(t, access.JobsRead, access.JobsWrite): 403, s.key(t, access.AdminRead): 200} {
		r := s.do(t, "GET", "/metrics", nil, bearer(as))
		if r.status != want || (want != 200) == strings.Contains(r.body, "good_total") {
			t.Errorf("got %d %s, want %d", r.status, r.body, want)
		}
	}
}

func TestMetricsAreOpenWhereTheOtherPagesAre(t *testing.T) {
	r := newSite(t, false).do(t, "GET", "/metrics", nil, nil)
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("got %d %v", r.status, r.header)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if got := families["good_total"].GetMetric(); len(got) != 1 || got[0].GetCounter().GetValue() != 1 {
		t.Errorf("what can be told, beside what cannot: got %v", got)
	}
}
