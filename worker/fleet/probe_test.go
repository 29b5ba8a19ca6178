package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

var errRefused = providers.Errorf(providers.ClassTransport, "connection refused")

func TestWhatAFleetReaches(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	// A probe finds a provider in one of these states.
	up := func(f *Fleet, p *providertest.Fake) { p.SetModels(nil, "k2"); f.Refresh(t.Context()) }
	empty := func(f *Fleet, p *providertest.Fake) { p.SetModels(nil); f.Refresh(t.Context()) }
	down := func(f *Fleet, p *providertest.Fake) { p.SetModels(errRefused); f.Refresh(t.Context()) }
	locked := func(f *Fleet, p *providertest.Fake) {
		p.SetModels(providers.Errorf(providers.ClassAuthDead, "wrong key"))
		f.Refresh(t.Context())
	}
	cut := func(f *Fleet, p *providertest.Fake) { p.SetModels(errors.New("refused")); f.Refresh(ended) }

	for _, test := range []struct {
		name    string
		probes  []func(*Fleet, *providertest.Fake)
		reached bool
		next    time.Duration
	}{
		{"nothing before the first probe", nil, false, time.Minute},
		{"a provider that answers", []func(*Fleet, *providertest.Fake){up}, true, time.Minute},
		{"also one that lists no models", []func(*Fleet, *providertest.Fake){empty}, true, time.Minute},
		{"not one that never answered", []func(*Fleet, *providertest.Fake){down}, false, time.Second},
		{"one that missed a single probe", []func(*Fleet, *providertest.Fake){up, down}, true, time.Second},
		{"not one that missed two", []func(*Fleet, *providertest.Fake){up, down, down}, false, 2 * time.Second},
		{"one that is gone for long", []func(*Fleet, *providertest.Fake){up, down, down, down, down, down, down, down}, false, 5 * time.Second},
		{"one that refuses our key", []func(*Fleet, *providertest.Fake){locked, locked}, false, time.Minute},
		{"one that is back", []func(*Fleet, *providertest.Fake){up, down, down, up}, true, time.Minute},
		{"probes that the worker's end cut short tell nothing", []func(*Fleet, *providertest.Fake){up, cut, cut}, true, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			cloud := providertest.NewFake("kimi")
			f := New(Config{Cloud: []CloudProvider{{Provider: cloud, Model: "k2"}}}, testAgents(t), quiet)
			for _, probe := range test.probes {
				probe(f, cloud)
			}
			if got := len(f.Candidates(tasks.Cloud, t1(t), &tasks.Job{Complexity: tasks.High})) > 0; got != test.reached {
				t.Errorf("reached: got %v, want %v", got, test.reached)
			}
			if got := f.nextProbe("kimi", time.Minute); got != test.next {
				t.Errorf("probed again after %v, want %v", got, test.next)
			}
		})
	}
}

// watched starts a watch of a local server and a cloud in a bubble. after returns how
// long it takes, at most the time given, until the fleet reaches so many models.
func watched(t *testing.T, local, cloud providers.Provider) (f *Fleet, after func(models int, most time.Duration) time.Duration) {
	t.Helper()
	f = New(Config{Local: []providers.Provider{local}, Usual: "ollama", Cloud: []CloudProvider{{Provider: cloud, Model: "k2"}}}, testAgents(t), quiet)
	f.Refresh(t.Context())
	changes := make(chan struct{}, 100)
	ctx, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { f.Watch(ctx, 30*time.Second, func() { f.Update(); changes <- struct{}{} }) })
	t.Cleanup(func() { stop(); watch.Wait() })
	return f, func(models int, most time.Duration) time.Duration {
		t.Helper()
		from := time.Now()
		for limit := time.After(most); len(f.Reach(tasks.Local).Models) != models; {
			select {
			case <-changes:
			case <-limit:
				t.Fatalf("after %v it reaches %v, want %d models", most, f.Reach(tasks.Local).Models, models)
			}
		}
		return time.Since(from)
	}
}

// A local server that goes while no job asks it, and comes back much later, is
// noticed within seconds, whatever the clouds do.
func TestALocalServerThatGoesAndComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ollama := providertest.NewFake("ollama", "small")
		f, after := watched(t, ollama, silent{providertest.NewFake("kimi")})
		if all := f.Awaited(); len(all) != 1 || !all[0].Configured {
			t.Errorf("at first: awaits %v, want the silent cloud", f.Awaited())
		}
		time.Sleep(7 * time.Minute)
		ollama.SetModels(errRefused)
		if got := after(0, time.Minute); got > 6*time.Second {
			t.Errorf("its loss was noticed after %v", got)
		}
		lost := func(a tasks.Awaited) bool {
			return a.Lane == tasks.Local && a.Provider == "ollama" && a.Lost && !a.Configured && a.Reason == "transport" && time.Since(a.Since) < time.Minute
		}
		if !slices.ContainsFunc(f.Awaited(), lost) {
			t.Errorf("a lost server is not awaited: %+v", f.Awaited())
		}
		time.Sleep(time.Hour)
		ollama.SetModels(nil, "small")
		if got := after(1, time.Minute); got > 5*time.Second {
			t.Errorf("its return was noticed after %v", got)
		}
		ollama.SetModels(errRefused)
		f.Suspect("ollama")
		if got := after(0, time.Minute); got != 0 {
			t.Errorf("a suspect's loss was noticed after %v, want at once", got)
		}
	})
}

// silent is a provider that takes connections and lists nothing.
type silent struct{ *providertest.Fake }

func (silent) Models(ctx context.Context) ([]providers.Model, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
