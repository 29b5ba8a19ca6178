package app

import (
	"log/slog"
	"slices"
)

// cleanup is what must be undone before a process ends, in reverse order of
// its beginning.
type cleanup struct{ steps []cleanupStep }

type cleanupStep struct {
	name string
	undo func() error
}

// add notes how to undo what has just been done.
func (c *cleanup) add(name string, undo func() error) {
	c.steps = append(c.steps, cleanupStep{name, undo})
}

// run undoes everything, newest first, and logs what could not be undone. A
// second run does nothing.
func (c *cleanup) run(log *slog.Logger) {
	for _, s := range slices.Backward(c.steps) {
		if err := s.undo(); err != nil {
			log.Warn("clean-up failed", "step", s.name, "error", err)
		}
	}
	c.steps = nil
}
