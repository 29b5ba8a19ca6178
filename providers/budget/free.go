package budget

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
)

// countEvery is how long what calls have used that cost nothing is gathered
// before it is written down: no budget depends on it.
const countEvery = time.Second

// free gathers what calls have used that cost nothing.
type free struct {
	mu    sync.Mutex
	days  map[day]map[string]int64 // field of the accounts → what is to be added
	due   *time.Timer              // nil: nothing is gathered
	write sync.WaitGroup           // writes that the timer has begun
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
		sum["spent "+a.who()] += 0 // so that it is listed
	}
	who := b.accounts[0].who()
	sum["calls "+who]++
	sum["input "+who] += int64(used.Input)
	sum["output "+who] += int64(used.Output)
	sum["unpriced "+who] += int64(flag(b.unpriced))
	if f.due == nil {
		f.write.Add(1)
		f.due = time.AfterFunc(countEvery, func() { defer f.write.Done(); g.writeFree() })
	}
}

// Close writes down what is gathered yet. The guard must not be used any more.
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

// writeFree writes down what is gathered. What cannot be written is lost.
func (g *Guard) writeFree() {
	g.free.mu.Lock()
	days := g.free.days
	g.free.days, g.free.due = nil, nil
	g.free.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*g.cfg.Patience)
	defer cancel()
	for of, sum := range days {
		args := []any{dayKept.Milliseconds(), monthKept.Milliseconds(), callKnown.Milliseconds()}
		for field, n := range sum {
			args = append(args, field, n)
		}
		err := countScript.Run(ctx, g.rdb, []string{of.day, of.month, callKey(rand.Text())}, args...).Err()
		if err != nil {
			g.log.WarnContext(ctx, "what calls have used that cost nothing was not counted", "error", err)
		}
	}
}
