package cli

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestBudgetsTellWhatIsSpentReservedAndLeft(t *testing.T) {
	m := miniredis.RunT(t)
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+m.Addr())
	t.Setenv("SPILLWAY_BUDGETS", "tenant:*=0.01/month,provider:kimi=5/month")
	if out := must(t, "", "budgets"); !regexp.MustCompile(`(?s)provider:kimi +5/month +0 +0 +0 +5 .*tenant:\* +0.01/month`).MatchString(out) {
		t.Errorf("before any call:\n%s", out)
	}
	spendSome(t, m.Addr())
	out := must(t, "", "budgets")
	if !regexp.MustCompile(`(?s)provider:kimi +5/month +0.000095 +0 +0.000495 +4.99941 .*tenant:acme +0.01/month +0.000095 +0 +0 +0.009905 .*tenant:other +0.01/month +0 +0 +0.000495 +0.009505 .*kimi +month +1 +100 +0 +0.000095 +0 +0`).MatchString(out) {
		t.Errorf("got\n%s", out)
	}
	var report budgetReport
	if err := json.Unmarshal([]byte(must(t, "", "budgets", "--json")), &report); err != nil || len(report.Budgets) != 4 || report.Budgets[0].Limit != 5e12 {
		t.Errorf("%+v, %v", report, err)
	}
}

// spendSome has one call end that used 100 tokens, and one that is under way.
func spendSome(t *testing.T, addr string) {
	t.Helper()
	cfg, err := config.Read()
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	kimi, _ := presets.Lookup("kimi")
	tariff := kimi.Tariff("kimi-k2.6")
	call := &providers.Call{
		Candidate: providers.Candidate{Provider: providertest.NewFake("kimi"), Model: "kimi-k2.6", Tariff: tariff},
		Owner:     providers.Owner{Tenant: "acme", Agent: "A03"}, Input: 100, Output: 0,
	}
	g := budget.New(rdb, budget.Config{Budgets: budget.Settings{}, Zone: cfg.BudgetZone.Location, Patience: time.Minute}, slog.New(slog.DiscardHandler))
	leave, err := g.Enter(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	used := providers.Usage{Input: 100}
	leave(&providers.Attempt{Called: true, Outcome: tasks.OutcomeSucceeded, Usage: used, Cost: tariff.Cost(used, time.Now())})
	limited := budget.New(rdb, budget.Config{Budgets: cfg.Budgets, Zone: cfg.BudgetZone.Location, Patience: time.Minute}, slog.New(slog.DiscardHandler))
	call.Owner.Tenant, call.Output = "other", 100
	if _, err := limited.Enter(t.Context(), call); err != nil {
		t.Fatal(err)
	}
}

func TestZonesAreChecked(t *testing.T) {
	for _, text := range []string{"", "Local", "Beijing"} {
		var z config.Zone
		if err := z.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
