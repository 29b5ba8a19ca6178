package budget_test

import (
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/tasks"
)

func settings(t *testing.T, text string) budget.Settings {
	t.Helper()
	var s budget.Settings
	if err := s.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettingsAreRead(t *testing.T) {
	all := settings(t, "tenant:acme=10/day, provider:deepseek=0.5/day,agent:A03=100/month,tenant:*=1/month,tenant:a=b=2/day,").All()
	want := []budget.Budget{
		{Scope: budget.Tenant, Name: "acme", Period: budget.Day, Limit: 10 * tasks.Dollar},
		{Scope: budget.Provider, Name: "deepseek", Period: budget.Day, Limit: tasks.Dollar / 2},
		{Scope: budget.Agent, Name: "A03", Period: budget.Month, Limit: 100 * tasks.Dollar},
		{Scope: budget.Tenant, Name: budget.Each, Period: budget.Month, Limit: tasks.Dollar},
		{Scope: budget.Tenant, Name: "a=b", Period: budget.Day, Limit: 2 * tasks.Dollar},
	}
	if len(all) != len(want) {
		t.Fatalf("got %v", all)
	}
	for i, b := range all {
		if b != want[i] {
			t.Errorf("got %v, want %v", b, want[i])
		}
	}
	if got := all[1].String(); got != "provider:deepseek=0.5/day" {
		t.Errorf("got %s", got)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for text, says := range map[string][]string{
		"acme":             {`"acme"`, "tenant:acme=10/day"},
		"acme=10/day":      {"scope:name"},
		"user:acme=10/day": {`"user" is not a scope`, "provider, tenant or agent"},
		"tenant:=10/day":   {"names no tenant"},
		"tenant:acme=10":   {`"" is not a period`, "day or month"},
		"tenant:a=1/week":  {`"week" is not a period`},
		"tenant:a=ten/day": {`"ten" is not an amount of dollars`},
		"tenant:a=-1/day":  {`"-1" is not an amount`},
		"agent:A=1/day,agent:A=1/month,agent:A=2/day":  {`"agent:A=2/day"`, "another budget"},
		"tenant:a=x/day,provider:p=1/day,agent:b=/day": {`"tenant:a=x/day"`, `"agent:b=/day"`},
	} {
		var s budget.Settings
		err := s.UnmarshalText([]byte(text))
		for _, want := range says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", text, err, want)
			}
		}
	}
}
