package worker

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// tellEvery is how long the news of an attempt is gathered before the job's log
// is told, so that a model's speed does not become Redis's load.
const tellEvery = 100 * time.Millisecond

// journal gathers the news of an attempt: the pieces of the growing answer, and
// what became of each call. News is told in batches, in its order; what has not
// been told when the attempt ends goes with its outcome, so that the log of a
// short job costs nothing of its own. The zero journal is not ready; tell must be
// set.
type journal struct {
	tell func([]store.News)

	telling sync.Mutex // held while a batch is told, so that batches keep their order
	mu      sync.Mutex // never held while Redis is asked
	entries []entry
	due     *time.Timer // nil: there is nothing to tell
}

// entry is a piece of news: progress, or, if that is nil, text of the answer.
type entry struct {
	progress json.RawMessage
	text     []byte
}

// write adds a piece of the answer.
func (j *journal) write(text string) {
	if text == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.entries); n == 0 || j.entries[n-1].progress != nil {
		j.add(entry{})
	}
	last := &j.entries[len(j.entries)-1]
	last.text = append(last.text, text...)
}

// note adds what a candidate did.
func (j *journal) note(r providers.Attempt) {
	progress, err := json.Marshal(struct {
		Candidate string `json:"candidate"`
		Duration  int64  `json:"duration_ms"`
		Outcome   string `json:"outcome"`
	}{r.Candidate, r.Duration.Milliseconds(), r.Outcome})
	if err != nil {
		return // it is news, not truth
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(entry{progress: progress})
}

// add needs the lock.
func (j *journal) add(e entry) {
	j.entries = append(j.entries, e)
	if j.due == nil {
		j.due = time.AfterFunc(tellEvery, j.flush)
	}
}

func (j *journal) flush() {
	j.telling.Lock()
	defer j.telling.Unlock()
	if news := j.take(); len(news) > 0 {
		j.tell(news)
	}
}

// rest returns what has not been told yet, when all that was is in the log.
func (j *journal) rest() []store.News {
	j.telling.Lock()
	defer j.telling.Unlock()
	return j.take()
}

func (j *journal) take() []store.News {
	j.mu.Lock()
	entries := j.entries
	j.entries = nil
	if j.due != nil {
		j.due.Stop()
		j.due = nil
	}
	j.mu.Unlock()
	var news []store.News
	for i := range entries {
		if e := &entries[i]; e.progress != nil {
			news = append(news, store.News{Type: tasks.EventProgress, Data: e.progress})
		} else if data, err := json.Marshal(struct {
			Text string `json:"text"`
		}{string(e.text)}); err == nil {
			news = append(news, store.News{Type: tasks.EventDelta, Data: data})
		}
	}
	return news
}

// tell adds news to the job's log. It is news, not truth: an error is not worth
// holding the job up for.
func (a *attempt) tell(news []store.News) {
	ctx, cancel := context.WithTimeout(a.base, signOffTimeout)
	defer cancel()
	if err := a.Store.Append(ctx, a.job.ID, a.job.Attempt, news...); err != nil {
		a.log.Debug("events not told", "events", len(news), "error", err)
	}
}
