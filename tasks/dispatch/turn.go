package dispatch

import (
	"context"
	"sync"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// turnsFrom is how many jobs must wait in a queue for its tenants to take turns. Below,
// tickets are issued at once, which costs nothing.
const turnsFrom = 8

// issued counts the tickets that were issued at once since a View was read: what it shows of
// a queue may be old.
type issued struct {
	mu     sync.Mutex
	since  int // number of the View
	counts map[string]int
}

// add counts one ticket of a queue, and returns how many came before it.
func (i *issued) add(view int, name string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.counts == nil || i.since != view {
		i.since, i.counts = view, map[string]int{}
	}
	i.counts[name]++
	return i.counts[name] - 1
}

// turn returns whose turn a ticket waits for: nobody's while few jobs wait in its queue. A
// scorecard takes no time that is worth it.
func (d *Dispatcher) turn(view View, j *tasks.Job, lane tasks.Lane) *queue.Turn {
	if lane == tasks.Scorecard {
		return nil
	}
	name := queue.Name(lane, j.Complexity, j.Priority)
	waits := view.backlog[name]
	if open := j.OpenLanes(); len(open) > 0 { // jobs that spill are counted where they wait first
		waits = max(waits, view.backlog[queue.Name(open[0], j.Complexity, j.Priority)])
	}
	if waits+d.issued.add(view.number, name) < turnsFrom {
		return nil
	}
	t := &queue.Turn{Tenant: j.Tenant, Weight: 1}
	if d.cfg.Weight != nil {
		t.Weight = d.cfg.Weight(j.Tenant)
	}
	return t
}

// position returns a waiting job's position in its queue, from 1. While tenants take turns
// it is an estimate: what comes later may have its turn before.
func (d *Dispatcher) position(ctx context.Context, j *tasks.Job) (int, error) {
	position, err := d.store.Position(ctx, j)
	if err != nil || position <= turnsFrom {
		return position, err
	}
	open := j.OpenLanes()
	if len(open) == 0 {
		return position, nil
	}
	ahead, waits, err := d.queue.Ahead(ctx, ticketOf(j, open[0]), j.Tenant)
	if err == nil && waits {
		position = min(position, ahead+1)
	}
	return position, err
}
