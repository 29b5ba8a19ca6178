package worker

import (
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	budgets "github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/tasks"
)

// A budget of an agent is one of its jobs' calls, and no other agent's; when it is
// spent, the next lane answers and the job tells why.
func TestCallsAreOnTheAccountOfTheirJob(t *testing.T) {
	for name, test := range map[string]struct {
		rule  string
		spent bool
	}{
		"the job's agent":  {"agent:T1=0.000000000001/day", true},
		"the job's tenant": {"tenant:" + tenant + "=0.000000000001/day", true},
		"another agent":    {"agent:T2=0.000000000001/day", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			w.tariff = perToken{}
			var cfg budgets.Config
			if err := cfg.Budgets.UnmarshalText([]byte(test.rule)); err != nil {
				t.Fatal(err)
			}
			w.guards = append(w.guards, budgets.New(w.rdb, cfg, quiet))
			w.start(t, cloudLane)
			j := w.end(t, w.submit(t).ID)
			if j.Degraded != test.spent || (j.Attempts[0].Outcome == tasks.OutcomeBudgetSpent) != test.spent {
				t.Errorf("got degraded %v, attempts %q", j.Degraded, outcomes(j))
			}
			if test.spent && (len(w.cloud.Asked()) > 0 || j.Cost != 0) {
				t.Errorf("the cloud was asked %d times, at a cost of %s", len(w.cloud.Asked()), j.Cost)
			}
		})
	}
}
