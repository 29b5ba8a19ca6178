package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Result is what a job succeeds with.
type Result struct {
	Output   json.RawMessage
	Degraded bool // the scorecard answered because no model did
}

// Complete ends a running job with a result. The events are appended first, as by
// Append.
func (s *Store) Complete(ctx context.Context, id string, attempt int, r Result, records []tasks.Attempt, events ...LogEvent) error {
	degraded := "0"
	if r.Degraded {
		degraded = "1"
	}
	attempts, err := encodeAttempts(records)
	if err != nil {
		return err
	}
	return s.write(ctx, completeScript, id, attempt, with(events, []byte(r.Output), degraded, attempts)...)
}

// Fail ends a running job with an error, of which only code and message are
// kept. The events are appended first, as by Append.
func (s *Store) Fail(ctx context.Context, id string, attempt int, cause *tasks.Error, records []tasks.Attempt, events ...LogEvent) error {
	attempts, err := encodeAttempts(records)
	if err != nil {
		return err
	}
	body, err := json.Marshal(cause)
	if err != nil {
		return fmt.Errorf("encode error: %w", err)
	}
	return s.write(ctx, failScript, id, attempt, with(events, body, attempts)...)
}

// Release says why a worker hands a job back.
type Release struct {
	Reason    ReleaseReason
	Exhausted tasks.Lane    // lane with a model that has given up on this run of the job; "" for none
	Forgive   bool          // let lanes that had given up before try again
	Recheck   time.Duration // when a watchdog looks at the job; 0: soon, in case it gets no tickets
}

// ReleaseReason is one word for the job's log.
type ReleaseReason string

// The reasons for a release.
const (
	ReasonExhausted ReleaseReason = "lane_exhausted"  // every candidate of the lane failed
	ReasonElsewhere ReleaseReason = "worker_unfit"    // this worker cannot reach its models, another may
	ReasonShutdown  ReleaseReason = "worker_shutdown" // the worker stops before the job is done
	ReasonWaiting   ReleaseReason = "waiting"         // no lane can answer now, and the job may wait
)

// Release hands a running job back to the queue. The caller gives it a new
// ticket; if it dies before that, a watchdog does. The events are appended first, as by
// Append.
func (s *Store) Release(ctx context.Context, id string, attempt int, r Release, records []tasks.Attempt, events ...LogEvent) error {
	attempts, err := encodeAttempts(records)
	if err != nil {
		return err
	}
	recheck := r.Recheck
	if recheck == 0 {
		recheck = s.firstLook()
	}
	lane := string(r.Exhausted)
	if r.Forgive {
		lane = "*" + lane
	}
	return s.write(ctx, releaseScript, id, attempt, with(events, lane, string(r.Reason), recheck.Milliseconds(), attempts)...)
}

// Cancel ends a tenant's job in any state that is not terminal. Canceling a
// canceled job changes nothing. CodeNotFound, or CodeConflict when it has
// otherwise ended.
func (s *Store) Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	if tasks.CheckID(id) != nil {
		return nil, notFound(id)
	}
	verdict, rest, err := s.run(ctx, cancelScript, id, tenant, rand.Text())
	switch {
	case err != nil:
		return nil, fmt.Errorf("cancel job: %w", err)
	case verdict == "unknown":
		return nil, notFound(id)
	case verdict == "ended":
		return nil, tasks.Errorf(tasks.CodeConflict, "the job has already %s and cannot be canceled", text(rest, 0))
	}
	return s.Job(ctx, tenant, id)
}

// Amend adds to a canceled job what the candidates of its last attempt did: when
// it was canceled only its worker knew. ErrStale when the job has gone on since.
func (s *Store) Amend(ctx context.Context, id string, attempt int, records []tasks.Attempt) error {
	attempts, err := encodeAttempts(records)
	if err != nil {
		return err
	}
	return s.write(ctx, amendScript, id, attempt, attempts)
}

// Retry starts a new run of a tenant's job that failed or was canceled, with as
// much time as it had at first. The caller gives it tickets. CodeNotFound,
// CodeConflict when it is in another state, or CodeQuota.
func (s *Store) Retry(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	if tasks.CheckID(id) != nil {
		return nil, notFound(id)
	}
	verdict, rest, err := s.run(ctx, retryScript, id, tenant, s.firstLook().Milliseconds(), rand.Text(), s.quota())
	switch {
	case err != nil:
		return nil, fmt.Errorf("retry job: %w", err)
	case verdict == "unknown":
		return nil, notFound(id)
	case verdict == "quota":
		return nil, s.quotaExceeded(tenant)
	case verdict == "refused":
		return nil, tasks.Errorf(tasks.CodeConflict, "the job is %s; only a job that failed or was canceled can be retried", text(rest, 0))
	}
	return s.Job(ctx, tenant, id)
}
