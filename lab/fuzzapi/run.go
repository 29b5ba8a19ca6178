package fuzzapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/topcentral/spillway/lab/contract"
)

// Stack is an API with all that is below it, and what the fuzzer needs to use
// it. One round at a time runs on a stack.
type Stack struct {
	Contract *contract.Contract
	Handler  http.Handler
	// Closing is the same API at the end of its life: it holds no answer back. It
	// gets the requests that ask for that.
	Closing http.Handler
	// Callers makes the credentials of a round.
	Callers func(ctx context.Context, round int) (Callers, error)
	// Clear is a submission that ends at once with a result.
	Clear string
	// Logged returns what was logged since it was last asked.
	Logged func() string
	// Away says that a part which the API needs does not answer, so that 503 is
	// right in any place.
	Away bool
	// MaxBody is the largest body that the API takes, in bytes, and of a batch the
	// sixteenth part of it.
	MaxBody int
	// Close ends the stack.
	Close func()

	agents map[string]map[string]any // input schemas, by agent
}

// Config says how long to ask.
type Config struct {
	Seed     uint64
	Requests int // in all; rounds are not broken off
	Round    int // the first round
	Stacks   int // that rounds run on at once
	// Open opens a stack.
	Open func() (*Stack, error)
}

// roundLength is how many requests a round has.
const roundLength = 250

// maxFailures is how many failures end a run.
const maxFailures = 10

// Report is what a run has seen.
type Report struct {
	Requests, Unread int                    // answered, and refused by net/http itself
	Statuses         map[string]map[int]int // by operation
	Failures         []error
}

// Run asks until all requests are sent, ctx ends, or there are failures enough.
// Its error means that a stack could not be used.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	report := &Report{Statuses: map[string]map[int]int{}}
	rounds := int64(cfg.Round + (cfg.Requests+roundLength-1)/roundLength)
	var next atomic.Int64
	next.Store(int64(cfg.Round))
	var mu sync.Mutex // guards report and errs
	var errs []error
	var all sync.WaitGroup
	for range cfg.Stacks {
		all.Go(func() {
			s, err := cfg.Open()
			if err == nil {
				defer s.Close()
				err = s.learn(ctx)
			}
			for err == nil && ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= rounds {
					return
				}
				var r *round
				if r, err = s.round(ctx, cfg.Seed, int(n)); err != nil {
					break
				}
				r.run(ctx)
				mu.Lock()
				report.add(r)
				if len(report.Failures) >= maxFailures {
					next.Store(rounds)
				}
				mu.Unlock()
			}
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		})
	}
	all.Wait()
	return report, errors.Join(errs...)
}

// learn asks the API for its agents.
func (s *Stack) learn(ctx context.Context) error {
	callers, err := s.Callers(ctx, -1)
	if err != nil {
		return err
	}
	var list struct{ Agents []struct{ ID string } }
	if err := s.get(ctx, callers.Full, "/agents", &list); err != nil {
		return err
	}
	s.agents = map[string]map[string]any{}
	for _, a := range list.Agents {
		var definition struct {
			InputSchema map[string]any `json:"input_schema"`
		}
		if err := s.get(ctx, callers.Full, "/agents/"+a.ID, &definition); err != nil {
			return err
		}
		s.agents[a.ID] = definition.InputSchema
	}
	if len(s.agents) == 0 {
		return errors.New("there are no agents")
	}
	return nil
}

func (s *Stack) get(ctx context.Context, token, path string, v any) error {
	d := &draft{method: "GET", path: path, cred: credential{header: "Bearer " + token}}
	a, err := s.send(ctx, d, "192.0.2.1:1")
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, a.Status, a.Body)
	}
	return json.Unmarshal(a.Body, v)
}

func (rep *Report) add(r *round) {
	rep.Requests += r.answered
	rep.Unread += r.unread
	rep.Failures = append(rep.Failures, r.failures...)
	for op, statuses := range r.statuses {
		if rep.Statuses[op] == nil {
			rep.Statuses[op] = map[int]int{}
		}
		for status, n := range statuses {
			rep.Statuses[op][status] += n
		}
	}
}

// Print writes how often each operation answered with which status.
func (rep *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%d requests answered, %d that net/http refused to read, %d failures\n", rep.Requests, rep.Unread, len(rep.Failures))
	for _, op := range slices.Sorted(maps.Keys(rep.Statuses)) {
		var counts []string
		for _, status := range slices.Sorted(maps.Keys(rep.Statuses[op])) {
			counts = append(counts, fmt.Sprintf("%d×%d", rep.Statuses[op][status], status))
		}
		fmt.Fprintf(w, "  %-18s %s\n", op, strings.Join(counts, "  "))
	}
}

// Unproven lists the operations that never did what they are for.
func (rep *Report) Unproven(c *contract.Contract) []string {
	var all []string
	for _, op := range c.Operations {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(rep.Statuses[op.ID])), func(status int) bool { return status < 300 || status == 303 }) {
			all = append(all, op.ID)
		}
	}
	return all
}
