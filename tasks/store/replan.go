package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/topcentral/spillway/tasks"
)

// Replan notes that the plan of a queued job has changed, on its record and in its log. A job
// that has moved on since it was read keeps the plan that it has.
func (s *Store) Replan(ctx context.Context, j *tasks.Job, p *tasks.Plan) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if _, _, err := s.run(ctx, replanScript, j.ID, j.Attempt, body, rand.Text()); err != nil {
		return fmt.Errorf("note a change of plan: %w", err)
	}
	return nil
}
