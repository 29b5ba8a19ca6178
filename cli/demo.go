package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/examples"
	"github.com/topcentral/spillway/tasks"
)

type demoCommand struct {
	Language tasks.Language `enum:"zh,en," default:"" placeholder:"LANG" help:"Language of the results: zh or en; by default that of the terminal."`
	Budget   time.Duration  `default:"30s" help:"Time that models get for all jobs; what they have not answered by then, the scorecards do."`
	Rows     int            `placeholder:"N" help:"How many opportunities; all by default."`
	NoOutage bool           `help:"Skip the outage, which mock models act out where no real model can be reached."`
	Verbose  bool           `short:"v" help:"Show the log."`
}

// Help gives an example.
func (demoCommand) Help() string {
	return "Sends 273 real opportunities through A02 and samples through the other agents, as jobs over HTTP,\n" +
		"on an embedded Redis. Without a model the scorecards answer, and say so. Then mock models play an\n" +
		"outage: local answers, a lost Mac, an empty account, the last resort, and the way back.\n\n" +
		"Examples:\n  spillway demo --language en\n  spillway demo --rows 10 --budget 5m"
}

// Run does the demonstration and ends.
func (c demoCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	if !c.Verbose {
		cfg.LogLevel = slog.LevelError
	}
	cfg = app.JobConfig(cfg)
	if c.Language == "" {
		c.Language = terminalLanguage()
	}
	sys, err := app.NewEmbedded(cfg, config.NewLog(cfg, s.err))
	if err != nil {
		return err
	}
	defer sys.Stop()
	noModel := false
	err = sys.WhileServing(ctx, func(ctx context.Context, url string) error {
		noModel = len(sys.Models(ctx)) == 0
		return c.show(ctx, s, sys, url)
	})
	if err != nil || !noModel || c.NoOutage {
		return err
	}
	return c.showOutage(ctx, s, cfg)
}

// show runs the jobs and prints what came of them.
func (c demoCommand) show(ctx context.Context, s streams, sys *app.App, url string) error {
	runs, err := c.runs()
	if err != nil {
		return err
	}
	who := "no model is reached, so the scorecards answer (degraded: true)"
	if models := sys.Models(ctx); len(models) > 0 {
		who = "models: " + strings.Join(models, ", ") + fmt.Sprintf("; the scorecards answer what they have not within %v", c.Budget)
	}
	fmt.Fprintf(s.out, "%d jobs over HTTP at %s\n%s\n\n", len(runs), url, who)
	began := time.Now()
	if err := c.runAll(ctx, url, runs, newProgress(s.err, len(runs))); err != nil {
		return err
	}
	printReport(s.out, runs, time.Since(began))
	return nil
}

// demoRun is one job of the demonstration.
type demoRun struct {
	title string
	sub   tasks.Submission
	won   *bool // the known outcome, of opportunities

	job  *tasks.Job
	took time.Duration // from submit to result, as the caller sees it
}

// runs lists the jobs: the samples first, so that a slow model gets to them,
// then every opportunity.
func (c demoCommand) runs() ([]*demoRun, error) {
	opportunities, err := examples.Opportunities()
	if err != nil {
		return nil, err
	}
	if c.Rows > 0 {
		opportunities = opportunities[:min(c.Rows, len(opportunities))]
	}
	deadline := time.Now().Add(c.Budget).UTC()
	var runs []*demoRun
	for _, sample := range examples.Samples(string(c.Language)) {
		runs = append(runs, &demoRun{title: sample.Name, sub: tasks.Submission{
			Agent: sample.Agent, Input: sample.Input, Language: c.Language, Deadline: deadline,
		}})
	}
	for i, o := range opportunities {
		runs = append(runs, &demoRun{
			title: opportunityTitle(i+1, o.Input), won: &o.Won,
			sub: tasks.Submission{Agent: "A02", Input: o.Input, Language: c.Language, Deadline: deadline},
		})
	}
	return runs, nil
}

// opportunityTitle names the opportunity in row n of the file.
func opportunityTitle(n int, input json.RawMessage) string {
	var o struct{ Product, Seller string }
	_ = json.Unmarshal(input, &o) // what does not fit stays empty
	return fmt.Sprintf("#%d %s, %s", n, o.Product, o.Seller)
}

// runAll posts every job, in order, and waits for all results.
func (c demoCommand) runAll(ctx context.Context, url string, runs []*demoRun, p *progress) error {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is documented to be one
	transport.MaxIdleConnsPerHost = len(runs)
	defer transport.CloseIdleConnections()
	api := &client.Client{Base: url, HTTP: &http.Client{Transport: transport}}

	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	group.Go(func() error {
		for _, r := range runs {
			began := time.Now()
			j, err := api.Submit(ctx, &r.sub)
			if err != nil {
				return fmt.Errorf("submit %s: %w", r.title, err)
			}
			group.Go(func() error {
				j, err := api.Await(ctx, j.ID)
				if err != nil {
					return fmt.Errorf("await %s: %w", r.title, err)
				}
				mu.Lock()
				defer mu.Unlock()
				r.job, r.took = j, time.Since(began)
				p.add()
				return nil
			})
		}
		return nil
	})
	return group.Wait()
}

// terminalLanguage is the language that the environment asks for.
func terminalLanguage() tasks.Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "zh") {
				return tasks.Chinese
			}
			break
		}
	}
	return tasks.English
}
