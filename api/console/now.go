package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
)

const (
	// fresh is how long a snapshot is shown before another is made.
	fresh = time.Second
	// snapshotTime is how long one may take.
	snapshotTime = 5 * time.Second
)

// snapshot is what the fleet does at a moment.
type snapshot struct {
	At      time.Time
	Health  api.Health
	Workers []tasks.Worker
	Busy    []api.QueueHealth // queues in which something waits or runs, or is wrong
	Picture picture
}

// snapshots makes snapshots, one at a time, and shares each.
type snapshots struct {
	take func(context.Context) *snapshot

	mu   sync.Mutex // held while one is made
	last *snapshot
}

// get returns a snapshot that is at most fresh old.
func (s *snapshots) get(ctx context.Context) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || time.Since(s.last.At) >= fresh {
		// Others wait for it, so the caller who leaves must not end it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), snapshotTime)
		defer cancel()
		s.last = s.take(ctx)
	}
	return s.last
}

// snapshot makes one.
func (c *Console) snapshot(ctx context.Context) *snapshot {
	s := &snapshot{At: time.Now(), Health: c.Health(ctx)}
	s.Workers, _ = c.Workers(ctx) // health says when Redis does not answer
	s.Picture = draw(s.Health)
	for _, q := range s.Health.Queues {
		if q.Waiting > 0 || q.Running > 0 || q.Detail != "" {
			s.Busy = append(s.Busy, q)
		}
	}
	return s
}

// now shows the fleet.
func (c *Console) now(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, "now.html", c.page(w, r, "now", c.snapshots.get(r.Context())))
}

// nowPart shows the part of the page that changes.
func (c *Console) nowPart(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, "now-part", c.page(w, r, "now", c.snapshots.get(r.Context())))
}
