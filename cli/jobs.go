package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

type submitCommand struct {
	server
	Agent     string         `arg:"" help:"ID of the agent, e.g. A02."`
	Input     string         `short:"f" default:"-" placeholder:"FILE" help:"JSON file with the agent's input; - reads it from standard input."`
	Language  tasks.Language `default:"zh" enum:"zh,en" help:"Language of the result: zh or en."`
	Priority  tasks.Priority `default:"normal" enum:"high,normal,low" help:"Place among the jobs of its complexity: high, normal or low."`
	Privacy   string         `placeholder:"LEVEL" enum:",any,mask_fields,mask,local_only" default:"" help:"Where the input may go: any, mask_fields, mask or local_only; the agent's own by default."`
	From      []string       `placeholder:"CANDIDATE" help:"Models that may answer, in order, e.g. deepseek,kimi/kimi-k3; by agent and complexity by default."`
	NoCache   bool           `help:"Run the job even if an equal one has a result."`
	FastPath  bool           `help:"Let the scorecard answer at once where it calls the case clear."`
	Flexible  bool           `help:"The answer may wait for the cloud's cheap hours."`
	RunAt     time.Time      `placeholder:"TIME" help:"Not before this time, e.g. 2026-11-21T22:00:00+08:00; at once by default."`
	Deadline  time.Duration  `placeholder:"DURATION" help:"An answer or a failure within this time, counted from --run-at if given; the agent's own by default."`
	Retention time.Duration  `placeholder:"DURATION" help:"How long the ended job is kept, e.g. 24h; the server's own by default."`
	Key       string         `placeholder:"KEY" help:"Idempotency key: the same key with the same job makes no second one for 24 hours."`
	Callback  string         `placeholder:"URL" help:"URL that gets a signed webhook when the job ends."`
	Wait      bool           `short:"w" help:"Wait for the job's end and print the whole job."`
}

// Help gives examples.
func (submitCommand) Help() string {
	return "Prints the job's ID, or the whole job with --wait, when a job that ends without a result is an error.\n" +
		"With --key, give --deadline only with --run-at: counted from now it is another one whenever the command is run again, and so another job.\n\nExamples:\n  spillway submit A03 -f examples/a03_project.json --wait\n" +
		"  echo '{\"product\":\"PCR-ABS\",\"authority\":\"high\"}' | spillway submit A02 --language en -w\n" +
		"  spillway submit A04 -f examples/a04_daily_report.json --run-at $(date -u +%F)T23:59:00Z --deadline 1h --retention 24h\n" +
		"  spillway submit A05 -f examples/a05_customer.json --key customer-4711-2026-11-21"
}

// Run posts the job.
func (c submitCommand) Run(ctx context.Context, s streams) error {
	input, err := readInput(c.Input, s.in)
	if err != nil {
		return err
	}
	api := c.client()
	j, err := api.Submit(ctx, c.submission(input, time.Now()))
	if err != nil {
		return err
	}
	if !c.Wait {
		_, err := fmt.Fprintln(s.out, j.ID)
		return err
	}
	fmt.Fprintln(s.err, j.ID)
	if j, err = api.Await(ctx, j.ID); err != nil {
		return err
	}
	if err := show(s.out, j); err != nil {
		return err
	}
	return outcome(j)
}

func (c submitCommand) submission(input json.RawMessage, now time.Time) *tasks.Submission {
	s := &tasks.Submission{
		Agent: c.Agent, Input: input, Language: c.Language, CallbackURL: c.Callback,
		RunAt: c.RunAt, Retention: tasks.Duration(c.Retention), IdempotencyKey: c.Key,
		Privacy: tasks.Privacy(c.Privacy), Candidates: c.From, FastPath: c.FastPath, Flexible: c.Flexible,
	}
	if c.NoCache {
		s.Cache = tasks.CacheBypassed
	}
	if c.Priority != tasks.PriorityNormal {
		s.Priority = c.Priority
	}
	if c.Deadline > 0 {
		start := now
		if !c.RunAt.IsZero() {
			start = c.RunAt
		}
		s.Deadline = start.Add(c.Deadline).UTC()
	}
	return s
}

// readInput reads the JSON of a job's input from a file, or from in for "-".
func readInput(path string, in io.Reader) (json.RawMessage, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = io.ReadAll(in)
	} else {
		b, err = os.ReadFile(path) //nolint:gosec // the user names the file
	}
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	if !json.Valid(b) {
		return nil, fmt.Errorf("the input in %s is not JSON", path)
	}
	return b, nil
}

// show prints a job as indented JSON.
func show(w io.Writer, j *tasks.Job) error { return showJSON(w, j) }

func showJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// outcome is the error of a job that was waited for and has no result.
func outcome(j *tasks.Job) error {
	switch {
	case j.State == tasks.Succeeded:
		return nil
	case j.Error != nil:
		return fmt.Errorf("the job %s: %s", j.State, j.Error.Message)
	}
	return fmt.Errorf("the job was %s", j.State)
}

type getCommand struct {
	server
	ID   string `arg:"" help:"ID of the job."`
	Wait bool   `short:"w" help:"Wait for the job's end."`
}

// Help gives an example.
func (getCommand) Help() string {
	return "With --wait, a job that ends without a result is an error.\n\nExample:\n  spillway get job_0190… --wait"
}

// Run shows the job.
func (c getCommand) Run(ctx context.Context, s streams) error {
	api := c.client()
	if !c.Wait {
		j, err := api.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return show(s.out, j)
	}
	j, err := api.Await(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := show(s.out, j); err != nil {
		return err
	}
	return outcome(j)
}

type cancelCommand struct {
	server
	ID string `arg:"" help:"ID of the job."`
}

// Help gives an example.
func (cancelCommand) Help() string {
	return "The job ends at once, also while a model is writing.\n\nExample:\n  spillway cancel job_0190…"
}

// Run cancels the job.
func (c cancelCommand) Run(ctx context.Context, s streams) error {
	j, err := c.client().Cancel(ctx, c.ID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, j.ID, j.State)
	return err
}

type retryCommand struct {
	server
	ID string `arg:"" help:"ID of the job."`
}

// Help gives an example.
func (retryCommand) Help() string {
	return "The job keeps its ID and gets as much time as it had at first.\n\nExamples:\n" +
		"  spillway retry job_0190…\n  spillway retry job_0190… && spillway watch job_0190…"
}

// Run starts a new run of the job.
func (c retryCommand) Run(ctx context.Context, s streams) error {
	j, err := c.client().Retry(ctx, c.ID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, j.ID, j.State)
	return err
}

type watchCommand struct {
	server
	ID string `arg:"" help:"ID of the job."`
}

// Help gives an example.
func (watchCommand) Help() string {
	return "Prints a line for each event, and the answer as it is written.\n\nExample:\n  spillway watch $(spillway submit A05 -f examples/a05_customer.json)"
}

// Run follows the job's events.
func (c watchCommand) Run(ctx context.Context, s streams) error {
	api := c.client()
	w := watched{out: s.out}
	if err := api.Watch(ctx, c.ID, w.event); err != nil {
		return err
	}
	if w.written {
		return nil
	}
	j, err := api.Get(ctx, c.ID)
	if err != nil || len(j.Result) == 0 {
		return err
	}
	return showJSON(s.out, j.Result)
}

// watched prints the events of a job.
type watched struct {
	out     io.Writer
	written bool // what was printed last is the job's answer
	inText  bool // a line of it has not ended
}

func (w *watched) event(e tasks.Event) {
	var data struct {
		Text       string           `json:"text"`
		Degraded   bool             `json:"degraded"`
		AnsweredBy tasks.AnsweredBy `json:"answered_by"`
	}
	_ = json.Unmarshal(e.Data, &data) // what cannot be read is printed as it is
	if e.Type == tasks.EventDelta && data.Text != "" {
		fmt.Fprint(w.out, data.Text)
		w.inText, w.written = !strings.HasSuffix(data.Text, "\n"), true
		return
	}
	if w.inText {
		fmt.Fprintln(w.out)
		w.inText = false
	}
	// What a model wrote is not the answer when the scorecard, the cache or another
	// run gives one.
	if data.Degraded || data.AnsweredBy != "" || e.Type == tasks.EventQueued {
		w.written = false
	}
	fmt.Fprintf(w.out, "%s  %3d  %-14s %s\n", e.At.Local().Format("15:04:05 -07:00"), e.Sequence, e.Type, e.Data)
}
