package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// SharedQueue begins the name of the queue, in which no ticket ever is, where a
// job waits that follows of an equal one: "shared.high".
const SharedQueue = "shared."

// Shares reports whether a job waits for the result of an equal one.
func Shares(j *tasks.Job) bool {
	return j.State == tasks.Queued && j.Waiting != nil && strings.HasPrefix(j.Waiting.Queue, SharedQueue)
}

const (
	// listedFollowers is how many of the jobs that wait for one result are notified of
	// it. Jobs that fail one after another would otherwise grow the list without end.
	listedFollowers = 1000
	// keptListed is how long they stay listed after that: the worker that notifies them
	// may have to read the list again.
	keptListed = 10 * time.Second
)

// Shared is a result that answers every equal job.
type Shared struct {
	JobID  string          `json:"job"` // that has the result
	Output json.RawMessage `json:"result"`
	Cost   tasks.Money     `json:"cost"` // of the calls that brought it
	Tokens tasks.Tokens    `json:"tokens"`
}

// tokens is what the calls read and wrote.
func (r *Shared) tokens() int { return r.Tokens.Input + r.Tokens.Output }

// SharedOf returns the result of a job as one for equal jobs, nil when there is
// none to share: the job has no result, a degraded one, or one that no model
// gave.
func SharedOf(j *tasks.Job) *Shared {
	if j.State != tasks.Succeeded || j.AnsweredBy != tasks.ByModel || j.Degraded || len(j.Result) == 0 {
		return nil
	}
	r := &Shared{JobID: j.ID, Output: j.Result}
	r.Add(j.Attempts)
	return r
}

// Add counts what attempts cost into the result.
func (r *Shared) Add(attempts []tasks.Attempt) {
	for i := range attempts {
		r.Cost += attempts[i].Cost
		r.Tokens = r.Tokens.Add(attempts[i].Tokens)
	}
}

// Joined is how a job gets its result: from the cache, from an equal job, or by its own run.
type Joined struct {
	Hit    *Shared // the result that there is already; nil: none
	Leader string  // the ID of the equal job that gets it for all; "": this one does
}

// JoinFlight returns the result of a job equal to this one, under the digest that all
// equal ones share. If there is none, the job becomes the leader, which gets the result
// for all, or a follower, which waits for it. A flight that is not completed is
// forgotten after the time given.
func (s *Store) JoinFlight(ctx context.Context, digest, id string, lasts time.Duration) (Joined, error) {
	return s.join(ctx, flightJoinScript, flightOf(digest).all(), id, lasts.Milliseconds(), listedFollowers)
}

func (s *Store) join(ctx context.Context, script *redis.Script, keys []string, args ...any) (Joined, error) {
	verdict, rest, err := s.runOn(ctx, script, keys, args...)
	if err != nil {
		return Joined{}, fmt.Errorf("look for an equal job: %w", err)
	}
	switch verdict {
	case "hit":
		hit, err := decodeShared(text(rest, 0))
		return Joined{Hit: hit}, err
	case "follows":
		return Joined{Leader: text(rest, 0)}, nil
	}
	return Joined{}, nil
}

// LeaveFlight removes a follower.
func (s *Store) LeaveFlight(ctx context.Context, digest, id string) error {
	// It is among the last ones: it has just joined.
	if err := s.rdb.LRem(ctx, flightOf(digest).followers(), -1, id).Err(); err != nil {
		return fmt.Errorf("leave an equal job: %w", unavailable(err))
	}
	return nil
}

// PeekFlight returns what JoinFlight would, and changes nothing.
func (s *Store) PeekFlight(ctx context.Context, digest string) (Joined, error) {
	f := flightOf(digest)
	held, err := s.rdb.MGet(ctx, f.cache(), f.leader()).Result()
	if err != nil {
		return Joined{}, fmt.Errorf("look for an equal job: %w", unavailable(err))
	}
	if entry := text(held, 0); entry != "" {
		hit, err := decodeShared(entry)
		return Joined{Hit: hit}, err
	}
	return Joined{Leader: text(held, 1)}, nil
}

func decodeShared(entry string) (*Shared, error) {
	var r Shared
	if err := json.Unmarshal([]byte(entry), &r); err != nil {
		return nil, fmt.Errorf("decode a shared result: %w", err)
	}
	return &r, nil
}

// TakeOverFlight makes a follower the leader in place of the one that it followed, unless
// there is a result by now or another follower was first.
func (s *Store) TakeOverFlight(ctx context.Context, digest, id, from string, lasts time.Duration) (Joined, error) {
	f := flightOf(digest)
	return s.join(ctx, flightTakeoverScript, []string{f.cache(), f.leader()}, id, from, lasts.Milliseconds())
}

// CompleteFlight ends the flight of a leader, with its result, which is kept for the time
// given, or with nil if there is none. It returns the IDs of the followers.
func (s *Store) CompleteFlight(ctx context.Context, digest, id string, r *Shared, keep time.Duration) ([]string, error) {
	entry := []byte{}
	if r != nil {
		var err error
		if entry, err = json.Marshal(r); err != nil {
			return nil, fmt.Errorf("encode a shared result: %w", err)
		}
	}
	ids, err := flightCompleteScript.Run(ctx, s.rdb, flightOf(digest).all(), id, entry, keep.Milliseconds(), keptListed.Milliseconds()).StringSlice()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("share a result: %w", unavailable(err))
	}
	return ids, nil
}

// CompleteShared ends a queued job with the result of an equal one. It reports false when
// the job is not queued, which is not an error.
func (s *Store) CompleteShared(ctx context.Context, id string, r *Shared) (bool, error) {
	verdict, _, err := s.run(ctx, completeSharedScript, id, r.JobID, []byte(r.Output), int64(r.Cost), r.tokens())
	if err != nil {
		return false, fmt.Errorf("share a result: %w", err)
	}
	return verdict == "ok", nil
}

// Unfollow ends a queued job's waiting for an equal one, or, with another
// leader's ID, has it wait for that one instead.
func (s *Store) Unfollow(ctx context.Context, id, from, leader string) error {
	if _, _, err := s.run(ctx, unfollowScript, id, from, leader); err != nil {
		return fmt.Errorf("run without an equal job: %w", err)
	}
	return nil
}
