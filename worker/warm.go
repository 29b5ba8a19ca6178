package worker

import (
	"context"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

// warmUpEvery is how often a model is loaded at most that is not used then.
const warmUpEvery = 5 * time.Minute

// warmUp has a local model loaded that a job was refused for only because it is
// not in memory, so that the next job finds it there: otherwise none would ever
// be asked of it again.
func (a *attempt) warmUp(c providers.Candidate, b allotment, p pace) {
	if a.lane != tasks.Local || p.load == 0 {
		return
	}
	p.load = 0
	if _, _, err := b.fit("", p); err != nil || !a.paces.beginWarmUp(c.String()) {
		return
	}
	w := a.Worker
	w.inHand.Go(func() {
		ctx, cancel := context.WithTimeout(w.serving, warmUpEvery)
		defer cancel()
		_, err := c.Provider.Generate(ctx, &providers.Request{
			Model: c.Model, OutputLimit: 1, TotalLimit: 1, Messages: []providers.Message{{Role: providers.User, Content: "JSON"}},
		}, func(providers.Delta) {})
		if err != nil {
			w.Log.InfoContext(ctx, "model not loaded ahead of its next job", "candidate", c.String(), "error", err)
			return
		}
		w.paces.setWarm(c.String())
	})
}

// beginWarmUp reports whether it is time to load a model, and notes that it is
// being loaded.
func (p *paces) beginWarmUp(candidate string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.warming[candidate]) < warmUpEvery {
		return false
	}
	p.warming[candidate] = time.Now()
	return true
}
