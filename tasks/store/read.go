package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Job returns a tenant's job with its result. Another tenant's job is as
// unknown as one that never was: CodeNotFound.
func (s *Store) Job(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	j, err := s.Find(ctx, id)
	if err == nil && j.Tenant != tenant {
		return nil, notFound(id)
	}
	return j, err
}

// Find returns a job whosever it is, for the system's own use. CodeNotFound
// when there is none.
func (s *Store) Find(ctx context.Context, id string) (*tasks.Job, error) {
	if tasks.CheckID(id) != nil {
		return nil, notFound(id)
	}
	var hash *redis.MapStringStringCmd
	var result *redis.StringCmd
	k := s.keys(id)
	// Result after record: a record that says succeeded has its result.
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		hash, result = p.HGetAll(ctx, k.job()), p.Get(ctx, k.result())
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read job: %w", unavailable(err))
	}
	if len(hash.Val()) == 0 {
		return nil, notFound(id)
	}
	j, err := decode(hash.Val())
	if err != nil {
		return nil, err
	}
	if j.State == tasks.Succeeded && result.Val() != "" {
		j.Result = json.RawMessage(result.Val())
	}
	return j, nil
}

// Input returns a job's input. CodeNotFound when there is no such job.
func (s *Store) Input(ctx context.Context, id string) (json.RawMessage, error) {
	input, err := s.rdb.Get(ctx, s.keys(id).input()).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read input: %w", unavailable(err))
	}
	return input, nil
}

func notFound(id string) *tasks.Error {
	return tasks.Errorf(tasks.CodeNotFound, "there is no job %.64q", id)
}
