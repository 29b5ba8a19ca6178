//go:build unix

package main

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

func testConfig(t *testing.T, args ...string) config {
	t.Helper()
	cfg, err := parse(append([]string{"-seed", "7"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTheSeedDecides(t *testing.T) {
	cfg := testConfig(t)
	other := testConfig(t, "-seed", "8")
	if !reflect.DeepEqual(plan(cfg), plan(cfg)) || reflect.DeepEqual(plan(cfg), plan(other)) {
		t.Error("faults: want the same from the same seed, and others from another")
	}
	all := history.Features{Idempotency: true, Retry: true, Webhooks: true}
	lives := func(cfg config) (list []lifePlan) {
		for n := range 50 {
			list = append(list, planLife(cfg, n, all))
		}
		return list
	}
	if !reflect.DeepEqual(lives(cfg), lives(cfg)) || reflect.DeepEqual(lives(cfg), lives(other)) {
		t.Error("lives: want the same from the same seed, and others from another")
	}
	one, two := &world{cfg: cfg}, &world{cfg: cfg}
	for n := range 50 {
		if got, want := one.act(marker(7), n), two.act(marker(7), n); got != want {
			t.Errorf("call %d: got %v, want %v", n, got, want)
		}
	}
}

func TestPlanHasAsManyKillsAsAskedForAndEveryFault(t *testing.T) {
	for _, kills := range []int{1, 15, 1000} {
		cfg := testConfig(t)
		cfg.kills = kills
		steps := plan(cfg)
		killed := 0
		for _, s := range steps {
			if s.fault == history.Kill {
				killed++
			}
			if s.at < 0 || s.at > cfg.span || s.duration < 0 {
				t.Errorf("%d kills: step %+v is outside of the run", kills, s)
			}
		}
		if killed < kills || killed > kills+3 {
			t.Errorf("%d kills: planned %d", kills, killed)
		}
		for _, d := range rates {
			if !slices.ContainsFunc(steps, func(s step) bool { return s.fault == d.fault && s.kind == d.kind }) {
				t.Errorf("%d kills: no %s of %s", kills, d.fault, d.kind)
			}
		}
	}
}

func TestNothingIsDoneWithoutKills(t *testing.T) {
	if got := plan(testConfig(t, "-kills", "0")); len(got) > 0 {
		t.Errorf("got %d steps", len(got))
	}
}

func TestOnlySomeFaults(t *testing.T) {
	for _, s := range plan(testConfig(t, "-only", "kill worker,freeze redis")) {
		if s.fault == history.Kill && s.kind == history.Worker || s.fault == history.Freeze && s.kind == history.Redis {
			continue
		}
		t.Errorf("got %s of %s", s.fault, s.kind)
	}
	if _, err := parse([]string{"-only", "praise worker"}); err == nil {
		t.Error("a fault that is not there: want an error")
	}
}

func TestWorkersFreezeForLongerThanALease(t *testing.T) {
	const lease = 8 * time.Second
	for _, s := range plan(testConfig(t, "-kills", "1000")) {
		if s.fault == history.Freeze && s.kind == history.Worker && s.duration <= lease {
			t.Errorf("got %v", s.duration)
		}
	}
}

func TestParse(t *testing.T) {
	if cfg := testConfig(t, "-jobs", "10000", "-kills", "1000"); cfg.span != 15*time.Minute {
		t.Errorf("span: got %v, want 15 min", cfg.span)
	}
	if _, err := parse([]string{"-jobs", "0"}); err == nil {
		t.Error("no jobs: want an error")
	}
}
