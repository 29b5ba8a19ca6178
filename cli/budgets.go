package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/doctor"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

type budgetsCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help gives examples.
func (budgetsCommand) Help() string {
	return writesRedis + "Shows for every budget in SPILLWAY_BUDGETS what is spent (and how much of it is an estimate), reserved and left, and when it is reset; and the\n" +
		"usage of each provider today and this month, whether it has a budget or not. Reserved is the most that the calls in flight\n" +
		"can cost. The reservation of a worker that died lapses a minute after its longest call would have ended.\n\n" +
		"Examples:\n  SPILLWAY_BUDGETS=tenant:*=10/day,provider:deepseek=100/month spillway budgets\n  spillway budgets --json"
}

// Run prints the budgets.
func (c budgetsCommand) Run(ctx context.Context, s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	redisconn.LogTo(slog.New(slog.DiscardHandler)) // what is wrong is returned
	rdb, err := redisconn.Open(cfg.RedisURL, redisconn.API)
	if err != nil {
		return fmt.Errorf("SPILLWAY_REDIS_URL: %w", err)
	}
	defer rdb.Close() //nolint:errcheck // it only asked
	ctx, cancel := context.WithTimeout(ctx, doctor.ExamineTimeout)
	defer cancel()
	found, err := budget.Read(ctx, rdb, cfg.Budgets, time.Now().In(cfg.BudgetZone.Location))
	if err != nil {
		return fmt.Errorf("%s: %w", redisconn.Place(cfg.RedisURL), err)
	}
	report := newBudgetReport(found)
	if c.JSON {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.print(s.out)
}

// budgetReport is what the command prints as JSON.
type budgetReport struct {
	Budgets   []budgetRow   `json:"budgets"`
	Providers []spendingRow `json:"providers"`
}

type budgetRow struct {
	Scope     budget.Scope  `json:"scope"`
	Name      string        `json:"name"`
	Period    budget.Period `json:"period"`
	Limit     tasks.Money   `json:"limit_usd"`
	Spent     tasks.Money   `json:"spent_usd"`
	Estimated tasks.Money   `json:"estimated_usd"` // the part of it that the providers did not report
	Reserved  tasks.Money   `json:"reserved_usd"`
	Left      tasks.Money   `json:"left_usd"`
	ResetsAt  time.Time     `json:"resets_at"`
}

type spendingRow struct {
	Provider  string        `json:"provider"`
	Period    budget.Period `json:"period"`
	Calls     int64         `json:"calls"`
	Unpriced  int64         `json:"calls_without_price"`
	Input     int64         `json:"input_tokens"`
	Output    int64         `json:"output_tokens"`
	Spent     tasks.Money   `json:"spent_usd"`
	Estimated tasks.Money   `json:"estimated_usd"`
}

func newBudgetReport(found *budget.Report) budgetReport {
	r := budgetReport{Budgets: []budgetRow{}, Providers: []spendingRow{}}
	for _, b := range found.Budgets {
		r.Budgets = append(r.Budgets, budgetRow{
			Scope: b.Scope, Name: b.Name, Period: b.Period, ResetsAt: b.Ends,
			Limit: b.Limit, Spent: b.Spent, Estimated: b.Estimated, Reserved: b.Reserved, Left: b.Left,
		})
	}
	for _, p := range found.Providers {
		r.Providers = append(r.Providers, spendingRow{
			Provider: p.Provider, Period: p.Period, Calls: p.Calls, Unpriced: p.Unpriced,
			Input: p.Input, Output: p.Output, Spent: p.Spent, Estimated: p.Estimated,
		})
	}
	return r
}

// print writes two tables, in dollars.
func (r budgetReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if len(r.Budgets) == 0 {
		fmt.Fprintln(w, "No budgets are set; SPILLWAY_BUDGETS sets some, such as tenant:acme=10/day.")
	} else {
		fmt.Fprintln(w, "BUDGET\tDOLLARS\tSPENT\tESTIMATED\tRESERVED\tLEFT\tRESETS AT")
	}
	for _, b := range r.Budgets {
		fmt.Fprintf(w, "%s:%s\t%s/%s\t%s\t%s\t%s\t%s\t%s\n", b.Scope, b.Name, b.Limit, b.Period, b.Spent, b.Estimated, b.Reserved, b.Left, b.ResetsAt.Format(time.RFC3339))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nPROVIDER\tPERIOD\tCALLS\tINPUT TOKENS\tOUTPUT TOKENS\tDOLLARS\tESTIMATED\tCALLS WITHOUT A PRICE")
	for _, p := range r.Providers {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%d\n", p.Provider, p.Period, p.Calls, p.Input, p.Output, p.Spent, p.Estimated, p.Unpriced)
	}
	return w.Flush()
}
