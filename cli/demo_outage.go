package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
	"github.com/topcentral/spillway/examples"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
)

// act is a part of the outage: what happens to machines and accounts, and the
// agents that get a job then.
type act struct {
	title  string
	change map[string]mockllm.Behavior // by provider
	agents []string
}

var (
	well     = mockllm.Behavior{Latency: mockllm.Latency{Min: mockllm.Duration(300 * time.Millisecond)}}
	mac      = mockllm.Behavior{Prefill: 4000, Decode: 100, LoadedModels: 2}
	unplug   = mockllm.Behavior{Faults: map[mockllm.Fault]float64{mockllm.Refuse: 1}}
	noMoney  = mockllm.Behavior{Faults: map[mockllm.Fault]float64{mockllm.QuotaDead: 1}}
	overload = mockllm.Behavior{Faults: map[mockllm.Fault]float64{mockllm.Overloaded: 1}}
)

// outage is the second part of the demonstration.
var outage = []act{
	{"The Mac works: its models answer, for nothing", map[string]mockllm.Behavior{mockllm.Ollama: mac, mockllm.All: well}, []string{"A05", "A04", "A03"}},
	{"The Mac is unplugged: jobs spill to the clouds", map[string]mockllm.Behavior{mockllm.Ollama: unplug}, []string{"A03", "A05"}},
	{"DeepSeek's account runs dry: the next cloud answers", map[string]mockllm.Behavior{mockllm.DeepSeek: noMoney}, []string{"A03"}},
	{"The other clouds are overloaded: the scorecard answers, and says so", map[string]mockllm.Behavior{mockllm.Kimi: overload, mockllm.MiniMax: overload}, []string{"A03"}},
	{"The Mac is back: jobs run at home again", map[string]mockllm.Behavior{mockllm.Ollama: mac}, []string{"A03", "A05"}},
}

// showOutage runs jobs on mock models in a Spillway of its own while machines
// and accounts fail, and prints where each job went.
func (c demoCommand) showOutage(ctx context.Context, s streams, cfg config.Config) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	models := mockllm.New(mockllm.Config{Seed: 1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	group.Go(func() error { return httpserver.Serve(ctx, l, models, config.NewLog(cfg, io.Discard)) })

	sys, err := app.NewEmbedded(onMockModels(cfg, l.Addr()), config.NewLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.Stop()
	o := &outageRun{demoCommand: c, out: s.out, models: models, sys: sys}
	if err := o.change(outage[0]); err != nil {
		return err
	}
	err = sys.WhileServing(ctx, func(ctx context.Context, url string) error {
		o.api = &client.Client{Base: url, HTTP: http.DefaultClient}
		return o.play(ctx)
	})
	stop()
	if served := group.Wait(); err == nil {
		err = served
	}
	return err
}

// onMockModels returns settings by which the mock server at addr is the local
// machine and every cloud.
func onMockModels(cfg config.Config, addr net.Addr) config.Config {
	at := func(provider string) string { return "http://" + addr.String() + mockllm.Path(provider) }
	cfg.OllamaURL = at(mockllm.Ollama)
	cfg.Clouds, cfg.Servers, cfg.Keyless, cfg.CloudOrder = nil, nil, nil, nil
	for _, p := range presets.Clouds() {
		switch p.Name {
		case mockllm.DeepSeek, mockllm.Kimi, mockllm.MiniMax:
			cfg.Clouds = append(cfg.Clouds, config.Service{Preset: p, Key: providers.NewSecret("mock"), BaseURL: at(p.Name)})
		}
	}
	return cfg
}

// outageRun plays the outage.
type outageRun struct {
	demoCommand
	out    io.Writer
	models *mockllm.Server
	sys    *app.App
	api    *client.Client
	began  time.Time
}

func (o *outageRun) change(a act) error {
	if b, ok := a.change[mockllm.All]; ok {
		if err := o.models.Set(mockllm.All, b); err != nil {
			return err
		}
	}
	for provider, b := range a.change {
		if provider == mockllm.All {
			continue
		}
		if err := o.models.Set(provider, b); err != nil {
			return err
		}
	}
	return nil
}

// line prints what happened, with the seconds since the outage began.
func (o *outageRun) line(format string, args ...any) {
	fmt.Fprintf(o.out, "%6.1f s  %s\n", time.Since(o.began).Seconds(), fmt.Sprintf(format, args...))
}

func (o *outageRun) play(ctx context.Context) error {
	fmt.Fprintf(o.out, "\nAn outage, played with mock models: a Mac with Ollama, and the clouds DeepSeek, Kimi and MiniMax\n\n")
	o.began = time.Now()
	var spent tasks.Money
	for _, a := range outage {
		o.line("%s", a.title)
		if err := o.change(a); err != nil {
			return err
		}
		if b, ok := a.change[mockllm.Ollama]; ok && len(b.Faults) == 0 {
			if err := o.seesTheMac(ctx); err != nil {
				return err
			}
		}
		for _, agent := range a.agents {
			cost, err := o.job(ctx, agent)
			if err != nil {
				return err
			}
			spent += cost
		}
	}
	o.line("The end: no job was lost, and the clouds cost $%v", spent)
	return nil
}

// seesTheMac waits until a worker reaches the local models.
func (o *outageRun) seesTheMac(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	waited, said := time.Now(), false
	for {
		if strings.Contains(strings.Join(o.sys.Models(ctx), " "), mockllm.Ollama+"/") {
			return nil
		}
		if !said && time.Since(waited) > time.Second {
			said = true
			o.line("  waiting for the worker to find it")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// job runs one job and prints what became of it.
func (o *outageRun) job(ctx context.Context, agent string) (tasks.Money, error) {
	var sub tasks.Submission
	for _, sample := range examples.Samples(string(o.Language)) {
		if sample.Agent == agent {
			sub = tasks.Submission{Agent: agent, Input: sample.Input, Language: o.Language, Cache: tasks.CacheBypassed}
		}
	}
	began := time.Now()
	j, err := o.api.Submit(ctx, &sub)
	if err != nil {
		return 0, fmt.Errorf("submit %s: %w", agent, err)
	}
	pieces := 0
	err = o.api.Watch(ctx, j.ID, func(e tasks.Event) {
		if e.Type == tasks.EventDelta {
			pieces++
		}
	})
	if err != nil {
		return 0, fmt.Errorf("watch %s: %w", agent, err)
	}
	if j, err = o.api.Await(ctx, j.ID); err != nil {
		return 0, fmt.Errorf("await %s: %w", agent, err)
	}
	o.line("  %s  %s in %.1f s, $%v%s", agent, answeredBy(j), time.Since(began).Seconds(), j.Cost, detour(j, pieces))
	return j.Cost, nil
}

// detour says how many pieces of the answer were streamed, and who was asked in
// vain.
func detour(j *tasks.Job, pieces int) string {
	var parts []string
	if pieces > 1 {
		parts = append(parts, fmt.Sprintf("streamed in %d pieces", pieces))
	}
	for _, a := range j.Attempts {
		vain := a.Candidate + ": " + a.Outcome
		if a.Outcome != tasks.OutcomeSucceeded && a.Candidate != "" && !slices.Contains(parts, vain) {
			parts = append(parts, vain)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "  (" + strings.Join(parts, "; ") + ")"
}
