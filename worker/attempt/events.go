package attempt

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// publishEvery is how long the events of an attempt are batched before they are
// added to the job's log, so that a model's speed does not become Redis's load.
const publishEvery = 100 * time.Millisecond

// eventBatch batches the events of an attempt: the pieces of the growing answer, and
// the outcome of each call. Batches are published in order; the last one is written
// with the attempt's outcome, so that the log of a short job costs nothing of its
// own. publish must be set.
type eventBatch struct {
	publish func([]store.LogEvent)

	publishing sync.Mutex // held while a batch is published, so that batches keep their order
	mu         sync.Mutex // never held during a call of Redis
	entries    []entry
	due        *time.Timer // nil if the batch is empty
}

// entry is an event: progress, or, if that is nil, text of the answer.
type entry struct {
	progress json.RawMessage
	text     []byte
}

// addText adds a piece of the answer.
func (b *eventBatch) addText(text string) {
	if text == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.entries); n == 0 || b.entries[n-1].progress != nil {
		b.add(entry{})
	}
	last := &b.entries[len(b.entries)-1]
	last.text = append(last.text, text...)
}

// addCall adds the outcome of a call.
func (b *eventBatch) addCall(r providers.Attempt) {
	progress, err := json.Marshal(struct {
		Candidate string `json:"candidate"`
		Duration  int64  `json:"duration_ms"`
		Outcome   string `json:"outcome"`
	}{r.Candidate, r.Duration.Milliseconds(), r.Outcome})
	if err != nil {
		return // events are informative
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(entry{progress: progress})
}

// add needs the lock.
func (b *eventBatch) add(e entry) {
	b.entries = append(b.entries, e)
	if b.due == nil {
		b.due = time.AfterFunc(publishEvery, b.flush)
	}
}

func (b *eventBatch) flush() {
	b.publishing.Lock()
	defer b.publishing.Unlock()
	if events := b.take(); len(events) > 0 {
		b.publish(events)
	}
}

// drain returns what is not published yet, once all earlier events are in the log.
func (b *eventBatch) drain() []store.LogEvent {
	b.publishing.Lock()
	defer b.publishing.Unlock()
	return b.take()
}

func (b *eventBatch) take() []store.LogEvent {
	b.mu.Lock()
	entries := b.entries
	b.entries = nil
	if b.due != nil {
		b.due.Stop()
		b.due = nil
	}
	b.mu.Unlock()
	var events []store.LogEvent
	for i := range entries {
		if e := &entries[i]; e.progress != nil {
			events = append(events, store.LogEvent{Type: tasks.EventProgress, Data: e.progress})
		} else if data, err := json.Marshal(struct {
			Text string `json:"text"`
		}{string(e.text)}); err == nil {
			events = append(events, store.LogEvent{Type: tasks.EventDelta, Data: data})
		}
	}
	return events
}
