package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Create records j, queued, with its input. Its times are taken as distances
// from j.CreatedAt and set by the clock of Redis; Create corrects them in j.
// Creating the same ID again changes nothing.
func (s *Store) Create(ctx context.Context, j *tasks.Job, input json.RawMessage) error {
	spec, err := encodeSpec(j)
	if err != nil {
		return err
	}
	callback, spill := "0", ""
	if j.CallbackURL != "" {
		callback = "1"
	}
	if !j.SpillAt.IsZero() {
		spill = strconv.FormatInt(j.SpillAt.Sub(j.CreatedAt).Milliseconds(), 10)
	}
	_, rest, err := s.run(ctx, createScript, j.ID, j.Tenant, spec, []byte(input), callback,
		j.TargetAt.Sub(j.CreatedAt).Milliseconds(), j.Deadline.Sub(j.CreatedAt).Milliseconds(), spill,
		s.cfg.Retention.Milliseconds(), s.cfg.Recheck.Milliseconds())
	if err != nil {
		return fmt.Errorf("create job: %w", err)
	}
	shift(j, millis(text(rest, 0)))
	j.State, j.Sequence, j.Attempts = tasks.Queued, 1, []tasks.Attempt{}
	return nil
}

// shift moves j's times so that it was created at the given time.
func shift(j *tasks.Job, created time.Time) {
	by := created.Sub(j.CreatedAt)
	j.CreatedAt = created
	for _, t := range []*time.Time{&j.TargetAt, &j.Deadline, &j.SpillAt} {
		if !t.IsZero() {
			*t = t.Add(by).UTC().Truncate(time.Millisecond)
		}
	}
}
