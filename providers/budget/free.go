package budget

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
)

// countEvery is how long the usage of calls that cost nothing is batched before it
// is written: no budget depends on it.
const countEvery = time.Second

// free batches the usage of calls that cost nothing.
type free struct {
	mu    sync.Mutex
	days  map[day]map[string]int64 // field of the accounts → what to add
	due   *time.Timer              // nil if the batch is empty
	write sync.WaitGroup           // by the timer, under way
}

// day is the keys of a day and of its month.
type day struct{ day, month string }

// count adds a call.
func (g *Guard) count(b *booking, used providers.Usage) {
	of := day{dayKey(b.at), monthKey(b.at)}
	f := &g.free
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.days == nil {
		f.days = map[day]map[string]int64{}
	}
	if f.days[of] == nil {
		f.days[of] = map[string]int64{}
	}
	sum := f.days[of]
	for _, a := range b.accounts[:3] {
		sum["spent "+a.owner()] += 0 // so that it is listed
	}
	owner := b.accounts[0].owner()
	sum["calls "+owner]++
	sum["input "+owner] += int64(used.Input)
	sum["output "+owner] += int64(used.Output)
	sum["unpriced "+owner] += int64(flag(b.unpriced))
	if f.due == nil {
		f.write.Add(1)
		f.due = time.AfterFunc(countEvery, func() { defer f.write.Done(); g.writeFree() })
	}
}

// Close writes the batch. The guard must not be used any more.
func (g *Guard) Close() error {
	g.free.mu.Lock()
	due := g.free.due
	g.free.mu.Unlock()
	if due != nil && due.Stop() {
		g.free.write.Done()
	}
	g.free.write.Wait()
	g.writeFree()
	return nil
}

// writeFree writes the batch. It is lost if it cannot be written.
func (g *Guard) writeFree() {
	g.free.mu.Lock()
	days := g.free.days
	g.free.days, g.free.due = nil, nil
	g.free.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*g.cfg.Patience)
	defer cancel()
	for of, sum := range days {
		args := []any{dayKept.Milliseconds(), monthKept.Milliseconds(), callKept.Milliseconds()}
		for field, n := range sum {
			args = append(args, field, n)
		}
		err := countScript.Run(ctx, g.rdb, []string{of.day, of.month, callKey(rand.Text())}, args...).Err()
		if err != nil {
			g.log.WarnContext(ctx, "the usage of calls that cost nothing could not be counted", "error", err)
		}
	}
}
