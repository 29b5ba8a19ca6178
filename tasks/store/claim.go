package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Verdict is the answer to a claim.
type Verdict string

// The answers to a claim.
const (
	Claimed Verdict = "claimed" // run it
	Busy    Verdict = "busy"    // running elsewhere, or scheduled, for Claim.Wait
	Ended   Verdict = "ended"   // in a terminal state
	Spent   Verdict = "spent"   // the lane has given up on this run of the job
	Follows Verdict = "follows" // it waits for the result of an equal job, Claim.Leader
	Unknown Verdict = "unknown" // no such job, or forgotten
)

// Claim is the outcome of trying to claim a job.
type Claim struct {
	Verdict Verdict
	Job     *tasks.Job      // if Claimed; Job.Attempt is the fence for every write
	Input   json.RawMessage // if Claimed
	Left    time.Duration   // if Claimed: to the job's deadline, by the clock of Redis
	Leader  string          // if Follows: the ID of that job
	Wait    time.Duration   // if Busy: to the end of the lease or the run-at time, by the clock of Redis
}

// Claim tries to take a job for worker on lane, under a lease.
func (s *Store) Claim(ctx context.Context, id string, lane tasks.Lane, worker string) (*Claim, error) {
	verdict, rest, err := s.run(ctx, claimScript, id, string(lane), worker, rand.Text(), s.cfg.Lease.Milliseconds(),
		time.Now().UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
	if err != nil {
		return nil, fmt.Errorf("claim job: %w", err)
	}
	c := &Claim{Verdict: Verdict(verdict)}
	switch c.Verdict {
	case Busy:
		ms, err := strconv.ParseInt(text(rest, 0), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("claim job: %w", err)
		}
		c.Wait = time.Duration(ms) * time.Millisecond
	case Follows:
		c.Leader = text(rest, 0)
	case Claimed:
		flat, _ := rest[0].([]any)
		c.Input = json.RawMessage(text(rest, 1))
		if c.Job, err = decode(unflatten(flat)); err != nil {
			return nil, err
		}
		c.Left = c.Job.Deadline.Sub(millis(text(rest, 2)))
	}
	return c, nil
}

// unflatten turns a flat list of fields and values into a map.
func unflatten(flat []any) map[string]string {
	m := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		m[text(flat, i)] = text(flat, i+1)
	}
	return m
}

// Renew extends the lease of a running attempt. ErrStale or ErrCanceled mean
// the worker to stop.
func (s *Store) Renew(ctx context.Context, id string, attempt int) error {
	return s.write(ctx, renewScript, id, attempt, s.cfg.Lease.Milliseconds())
}

// LogEvent is an event of an attempt that changes no state: progress, or a piece of
// the answer.
type LogEvent struct {
	Type tasks.EventType
	Data json.RawMessage
}

// Append adds events to a running job's log, in their order. An attempt must add
// them by one call after another, and from one Store.
func (s *Store) Append(ctx context.Context, id string, attempt int, events ...LogEvent) error {
	if len(events) == 0 {
		return nil
	}
	return s.write(ctx, appendScript, id, attempt, with(events, s.appends.Add(1))...)
}

// with returns a script's arguments with events behind them.
func with(events []LogEvent, args ...any) []any {
	for _, n := range events {
		args = append(args, string(n.Type), []byte(n.Data))
	}
	return args
}
