package worker

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// progress tells the job's log what a candidate did. It is news, not truth:
// an error is not worth holding the job up for.
func (a *attempt) progress(r providers.Attempt) {
	data, err := json.Marshal(map[string]any{
		"candidate": r.Candidate, "outcome": r.Outcome, "duration_ms": r.Duration.Milliseconds(),
	})
	if err == nil {
		a.append(tasks.EventProgress, data)
	}
}

func (a *attempt) append(typ tasks.EventType, data json.RawMessage) {
	ctx, cancel := context.WithTimeout(a.base, signOffTimeout)
	defer cancel()
	if err := a.Store.Append(ctx, a.job.ID, a.job.Attempt, typ, data); err != nil {
		a.log.Debug("event not told", "type", typ, "error", err)
	}
}

// flushEvery is how often pieces of an answer are put together into one event.
const flushEvery = 100 * time.Millisecond

// deltas gathers the pieces of a growing answer and tells them in batches, so
// that a model's speed does not become Redis's load.
type deltas struct {
	a    *attempt
	done chan struct{}
	wg   sync.WaitGroup

	telling sync.Mutex // held while a batch is told, so that batches keep their order
	mu      sync.Mutex // never held while Redis is asked
	buf     strings.Builder
}

// streamDeltas returns a gatherer that tells its pieces until it is closed.
func (a *attempt) streamDeltas() *deltas {
	d := &deltas{a: a, done: make(chan struct{})}
	d.wg.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.flush()
			case <-d.done:
				d.flush()
				return
			}
		}
	})
	return d
}

func (d *deltas) add(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buf.WriteString(text)
}

// flush tells the pieces so far.
func (d *deltas) flush() {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.mu.Lock()
	text := d.buf.String()
	d.buf.Reset()
	d.mu.Unlock()
	if text == "" {
		return
	}
	if data, err := json.Marshal(map[string]string{"text": text}); err == nil {
		d.a.append(tasks.EventDelta, data)
	}
}

// close tells what is left.
func (d *deltas) close() {
	close(d.done)
	d.wg.Wait()
}
