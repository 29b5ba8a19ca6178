package webhook

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestTriesAreMeasuredByOutcome(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	register := WithMetrics(nobody{}, r)
	for _, status := range []int{200, 200, 500} {
		job, notice := endedJob("")
		job.CallbackURL = receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_ = NewHandler(jobs{job: job}, register, &notices{}, newSender(t), quiet).Handle(t.Context(), notice)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{"delivered": 2, "rejected": 1}
	for _, m := range families[0].GetMetric() {
		outcome := m.GetLabel()[0].GetValue()
		if got := m.GetHistogram().GetSampleCount(); got != want[outcome] {
			t.Errorf("%s: got %d, want %d", outcome, got, want[outcome])
		}
	}
	if n := len(families[0].GetMetric()); n != 8 {
		t.Errorf("outcomes: got %d, want all 8, also of what has not happened", n)
	}
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("names: got %v, %v", problems, err)
	}
}
