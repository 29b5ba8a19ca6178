package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

const (
	// firstLook is when the watchdog first checks the tickets of a job that
	// has just been queued: soon, in case the process that queued it died before it issued
	// any.
	firstLook = 5 * time.Second
	// IdempotencyKept is how long an idempotency key is remembered.
	IdempotencyKept = 24 * time.Hour
)

// Idempotency makes a repeated request make one job. The zero value is a
// request without a key.
type Idempotency struct {
	Key         string // the caller's, unique among the tenant's
	Fingerprint string // of the request, without spaces
}

// Create records j, queued, or scheduled if its RunAt is yet to come. Times are
// kept to the millisecond. Create fills in j.CreatedAt, by the clock of Redis,
// and the state of j then. Creating the same ID again changes nothing.
//
// With an idempotency key that has made a job of the same request, that job's
// ID is returned instead of j's, and nothing is recorded; of another request,
// CodeKeyReused. j.ID must then come from NewID.
//
// CodeUnavailable does not mean that nothing was recorded: the reply may have
// been lost, or the disk may be slow. With an idempotency key it is safe to ask
// again.
func (s *Store) Create(ctx context.Context, j *tasks.Job, input json.RawMessage, once Idempotency) (id string, err error) {
	return s.create(ctx, j, input, once, "", answer{})
}

// CreateFollowing is Create for a job that waits for the result of an equal one.
func (s *Store) CreateFollowing(ctx context.Context, j *tasks.Job, input json.RawMessage, once Idempotency, leader string) (id string, err error) {
	return s.create(ctx, j, input, once, leader, answer{})
}

// CreateCached is Create for a job that has the result of an equal one: it has
// succeeded when it is made.
func (s *Store) CreateCached(ctx context.Context, j *tasks.Job, input json.RawMessage, once Idempotency, r *Shared) (id string, err error) {
	return s.create(ctx, j, input, once, "", answer{tasks.ByCache, *r})
}

// CreateClear is Create for a job that the agent's scorecard has answered at
// once: it has succeeded when it is made.
func (s *Store) CreateClear(ctx context.Context, j *tasks.Job, input json.RawMessage, once Idempotency, output json.RawMessage) (id string, err error) {
	return s.create(ctx, j, input, once, "", answer{tasks.ByFastPath, Shared{Output: output}})
}

// answer is what a job is made with that needs no run.
type answer struct {
	by tasks.AnsweredBy // "": it needs one
	Shared
}

func (s *Store) create(ctx context.Context, j *tasks.Job, input json.RawMessage, once Idempotency, leader string, known answer) (id string, err error) {
	args, err := s.createArgs(j, input, once)
	if err != nil {
		return "", err
	}
	args = append(args, leader, string(known.by), []byte(known.Output), known.JobID, int64(known.Cost), known.tokens(), s.quota(),
		s.perShard(s.cfg.KeptJobs), s.perShard(s.keptBytes()), reservation(args, known), j.Agent)
	k := s.keys(j.ID)
	keys := append(k.all(), k.index(j.Tenant), k.kept(), k.sizes())
	if once.Key != "" {
		keys = append(keys, s.idempotencyKey(j.Tenant, once.Key))
	}
	verdict, rest, err := s.runDurably(ctx, createScript, keys, args...)
	if err != nil {
		return "", fmt.Errorf("create job: %w", err)
	}
	switch verdict {
	case "replay":
		return text(rest, 0), nil
	case "mismatch":
		return "", keyReused()
	case "quota":
		return "", s.quotaExceeded(j.Tenant)
	case "jobs", "bytes":
		return "", s.keptExceeded(j.Tenant, verdict)
	}
	j.CreatedAt, j.State = millis(text(rest, 0)), tasks.State(text(rest, 1))
	j.Sequence, j.Attempts = 1, []tasks.Attempt{}
	line := tasks.Line(j.Complexity, j.Priority)
	switch {
	case j.State == tasks.Succeeded:
		j.AnsweredBy, j.AnsweredAs, j.Saved, j.Result = known.by, known.JobID, known.Cost, known.Output
		j.EndedAt, j.ExpiresAt = j.CreatedAt, j.CreatedAt.Add(j.Retention.Std())
	case j.State == tasks.Queued && leader != "":
		j.Waiting = &tasks.Waiting{Queue: SharedQueue + line, Since: j.CreatedAt}
	case j.State == tasks.Queued && len(j.Lanes) > 0:
		j.Waiting = &tasks.Waiting{Queue: string(j.Lanes[0]) + "." + line, Since: j.CreatedAt}
	}
	return j.ID, nil
}

// createArgs lists the arguments as create.lua names them.
func (s *Store) createArgs(j *tasks.Job, input json.RawMessage, once Idempotency) ([]any, error) {
	spec, err := encodeSpec(j)
	if err != nil {
		return nil, err
	}
	lanes := make([]string, len(j.Lanes))
	for i, l := range j.Lanes {
		lanes[i] = string(l)
	}
	runAt := int64(0)
	if !j.RunAt.IsZero() {
		runAt = j.RunAt.UnixMilli()
	}
	if j.Retention == 0 {
		j.Retention = tasks.Duration(s.cfg.Retention)
	}
	return []any{
		j.ID, j.Tenant, spec, []byte(input), callback(j), strings.Join(lanes, ","), tasks.Line(j.Complexity, j.Priority),
		runAt, j.TargetAt.UnixMilli(), j.Deadline.UnixMilli(), j.SpillAt.UnixMilli(),
		j.Retention.Std().Milliseconds(), s.firstLook().Milliseconds(),
		once.Fingerprint, IdempotencyKept.Milliseconds(),
	}, nil
}

func (s *Store) firstLook() time.Duration { return min(firstLook, s.cfg.Recheck) }

// NewID returns an ID for a job that Create records under an idempotency key:
// one that falls into the shard of the key's record.
func (s *Store) NewID(tenant string, once Idempotency) string {
	id := tasks.NewID()
	for once.Key != "" && s.shardOf(id) != s.shardOf(tenant+" "+once.Key) {
		id = tasks.NewID()
	}
	return id
}

// Replay returns the ID of the job that an idempotency key has made of the same
// request, "" if it has made none. CodeKeyReused if it was of another request.
func (s *Store) Replay(ctx context.Context, tenant string, once Idempotency) (id string, err error) {
	held, err := s.rdb.Get(ctx, s.idempotencyKey(tenant, once.Key)).Result()
	if err == redis.Nil { //nolint:errorlint // go-redis returns it bare
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read idempotency key: %w", unavailable(err))
	}
	id, fingerprint, _ := strings.Cut(held, " ")
	if fingerprint != once.Fingerprint {
		return "", keyReused()
	}
	return id, s.confirm(ctx, s.idempotencyKey(tenant, once.Key), held)
}

func (s *Store) idempotencyKey(tenant, key string) string {
	digest := sha256.Sum256([]byte(key))
	return s.shardOf(tenant+" "+key).idempotency(tenant, hex.EncodeToString(digest[:]))
}

func keyReused() *tasks.Error {
	return tasks.Errorf(tasks.CodeKeyReused, "this Idempotency-Key has already made a job of another request; use a new key for a new request")
}
