package worker

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// perToken is a tariff of one picodollar for each token.
type perToken struct{}

func (perToken) Cost(u providers.Usage, _ time.Time) tasks.Money {
	return tasks.Money(u.Input + u.Output)
}

func (perToken) Most(input, output int, _ time.Time) tasks.Money {
	return tasks.Money(input + output)
}

func TestAJobCostsWhatAllItsCallsCost(t *testing.T) {
	w := newWorld(t, redistest.Embedded(t))
	w.tariff = perToken{}
	texts := []string{`{"not":"what was asked for"}`, answer}
	w.cloud.Does(func(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		text := texts[0]
		texts = texts[1:]
		return providertest.Answer(text)(ctx, req, onDelta)
	})
	w.start(t, cloudLane)
	j := w.end(t, w.submit(t).ID)
	each := perToken{}.Cost(providertest.FakeUsage, time.Time{})
	if j.State != tasks.Succeeded || j.Cost != 2*each || each == 0 {
		t.Errorf("%s at the cost of %s, want twice %s", j.State, j.Cost, each)
	}
	if i := slices.IndexFunc(j.Attempts, func(a tasks.Attempt) bool { return a.Cost != each }); i >= 0 || len(j.Attempts) != 2 {
		t.Errorf("attempts %+v", j.Attempts)
	}
}

func TestACallThatIsCutCostsToo(t *testing.T) {
	w := newWorld(t, redistest.Embedded(t))
	w.tariff = perToken{}
	hang, asked, ended := hangs()
	w.cloud.Does(hang)
	stop := w.start(t, cloudLane, func(c *Config) { c.Drain = patience })
	j := w.submit(t)
	wait(t, asked)
	if _, err := w.store.Cancel(t.Context(), tenant, j.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, ended)
	stop()
	got, err := w.store.Job(t.Context(), tenant, j.ID)
	if err != nil || got.State != tasks.Canceled || got.Cost == 0 {
		t.Errorf("%s at the cost of %s, %v", got.State, got.Cost, err)
	}
}
