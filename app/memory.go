package app

import (
	"context"
	"fmt"
	"time"

	"github.com/topcentral/spillway/app/health"
	"github.com/topcentral/spillway/tasks"
)

const (
	// fullRetry is when a caller is asked to come back while Redis is nearly full:
	// jobs whose retention is over are forgotten once a minute.
	fullRetry = 30 * time.Second
	// keptShare is the part of Redis' memory that the jobs of one tenant may take
	// unless SPILLWAY_KEPT_BYTES says otherwise.
	keptShare = 3
)

// highWater returns an error while Redis uses more memory than new jobs may fill.
// What is left is for the results of running jobs, for cancels and for operators.
func (s *App) highWater(ctx context.Context) error {
	detail, full := s.memoryFull(ctx)
	if !full {
		return nil
	}
	return tasks.Errorf(tasks.CodeUnavailable, "There is no room for new jobs now; existing ones go on. Come back after the seconds in Retry-After.").
		WithCause(fmt.Errorf("high-water mark: %s", detail)).WithRetryAfter(fullRetry)
}

// memoryFull reports whether Redis uses more memory than new jobs may fill, and how
// much.
func (s *App) memoryFull(ctx context.Context) (detail string, full bool) {
	use := s.memory.Use(ctx)
	return health.MemoryDetail(use), s.cfg.IsFull(use)
}

// keptBytes is how many bytes of jobs a tenant may keep: as set, or a part of
// Redis' memory, so that no tenant fills it for all.
func (s *App) keptBytes() int64 {
	if s.cfg.KeptBytes > 0 {
		return s.cfg.KeptBytes
	}
	return s.memory.Use(context.Background()).Limit / keptShare
}
