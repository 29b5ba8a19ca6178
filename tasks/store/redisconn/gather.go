package redisconn

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// flightsAtOnce is how many calls of a server are under way before others
	// have to wait, and go together. Two keep the server busy while the answers to
	// one are read.
	flightsAtOnce = 2
	// mostTogether bounds how many waiting calls go in one round trip, so that
	// none waits for too many others' answers.
	mostTogether = 128
	// patience is how long a call waits for a flight. What is under way may hang,
	// on a connection that is lost or a server that is: no other call waits for that.
	patience = 250 * time.Millisecond
)

// Gatherer is a client of one server that sends what its users ask at the same
// time in one round trip (a group commit): a round trip costs both ends several
// times what a command does. A lone call goes at once, as without a Gatherer; only
// those that come while others are under way wait for these, though not for long,
// and then go together.
//
// Scripts, reads of one string and pipelines are gathered. Everything else, and
// transactions, go as they do without. Each call still has its own answer and
// error, and ends with its own context; as ever, Redis may have done then what was
// asked. A Gatherer is safe for concurrent use.
type Gatherer struct {
	*redis.Client

	mu      sync.Mutex
	flying  int       // calls and flights that are under way
	waiting []*parcel // calls that wait for one of them to end
	flights sync.WaitGroup
}

// Gather returns a client that gathers, which closes the one it was given. Only
// that of one server is worth it, and is taken: the commands of a cluster's client
// spread over its servers, of which a slow one would hold up the others'.
func Gather(rdb redis.UniversalClient) redis.UniversalClient {
	if server, ok := rdb.(*redis.Client); ok {
		return &Gatherer{Client: server}
	}
	return rdb
}

// Close closes the client, which ends what is under way, and waits for that.
func (g *Gatherer) Close() error {
	err := g.Client.Close()
	g.flights.Wait()
	return err
}

// EvalSha runs a script that Redis knows.
func (g *Gatherer) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	if g.takeOff() {
		defer g.land()
		return g.Client.EvalSha(ctx, sha1, keys, args...)
	}
	p := g.Pipeline()
	cmd := p.EvalSha(ctx, sha1, keys, args...)
	g.send(ctx, p)
	return cmd
}

// Get reads a string.
func (g *Gatherer) Get(ctx context.Context, key string) *redis.StringCmd {
	if g.takeOff() {
		defer g.land()
		return g.Client.Get(ctx, key)
	}
	p := g.Pipeline()
	cmd := p.Get(ctx, key)
	g.send(ctx, p)
	return cmd
}

// Pipelined runs the commands that fn asks for, in their order, with nothing of
// others between them that they could tell. It returns the first error.
func (g *Gatherer) Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error) {
	p := g.Pipeline()
	if err := fn(p); err != nil {
		return nil, err
	}
	cmds := p.Cmds()
	if len(cmds) == 0 || !known(cmds) {
		return p.Exec(ctx)
	}
	if g.takeOff() {
		defer g.land()
		return p.Exec(ctx)
	}
	g.send(ctx, p)
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return cmds, err
		}
	}
	return cmds, nil
}

// parcel is what one caller waits for.
type parcel struct {
	cmds  []redis.Cmder // copies: whoever asked may be gone before they are answered
	done  chan struct{} // closed when they are answered
	taken bool          // it waits for no flight any more; guarded by the Gatherer's lock
}

// takeOff reports whether a call may go by itself, and counts it as under way.
func (g *Gatherer) takeOff() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	free := g.flying < flightsAtOnce
	if free {
		g.flying++
	}
	return free
}

// land ends what was under way. Those who wait take its place.
func (g *Gatherer) land() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.flying--
		return
	}
	g.flights.Go(g.fly)
}

// fly sends what waits, until nothing does.
func (g *Gatherer) fly() {
	for batch := g.board(); batch != nil; batch = g.board() {
		// Each command keeps its own error, and the client its own time limits.
		ctx := context.Background()
		p := g.Pipeline()
		for _, one := range batch {
			for _, cmd := range one.cmds {
				_ = p.Process(ctx, cmd) // it only joins the pipeline
			}
		}
		_, _ = p.Exec(ctx)
		for _, one := range batch {
			close(one.done)
		}
	}
}

// board takes those who wait for a flight, nil when nobody does and the flight
// is over.
func (g *Gatherer) board() []*parcel {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*parcel
	for len(g.waiting) > 0 && len(batch) < mostTogether {
		one := g.waiting[0]
		g.waiting[0], g.waiting = nil, g.waiting[1:]
		if !one.taken {
			one.taken = true
			batch = append(batch, one)
		}
	}
	if batch == nil {
		g.flying--
	}
	return batch
}

// send has the commands of p go together with those of others, and waits for
// their answers.
func (g *Gatherer) send(ctx context.Context, p redis.Pipeliner) {
	cmds := p.Cmds()
	one := g.queue(cmds)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-one.done:
			for i, cmd := range cmds {
				adopt(cmd, one.cmds[i])
			}
			// The client leaves a connection whose server takes no writes any more,
			// and asks again, but looks at the first command of a flight alone.
			if redis.IsReadOnlyError(cmds[0].Err()) {
				_, _ = p.Exec(ctx) // each command keeps its own error
			}
			return
		case <-ctx.Done():
			g.withdraw(one)
			for _, cmd := range cmds {
				cmd.SetErr(ctx.Err())
			}
			return
		case <-late.C:
			if g.withdraw(one) {
				_, _ = p.Exec(ctx) // each command keeps its own error
				return
			}
		}
	}
}

// queue has copies of commands wait for a flight.
func (g *Gatherer) queue(cmds []redis.Cmder) *parcel {
	one := &parcel{cmds: make([]redis.Cmder, len(cmds)), done: make(chan struct{})}
	for i, cmd := range cmds {
		one.cmds[i] = cmd.Clone()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying < flightsAtOnce { // the others have landed meanwhile
		g.flying++
		g.flights.Go(g.fly)
	}
	g.waiting = append(g.waiting, one)
	return one
}

// withdraw has a parcel not go, and reports whether that was possible still.
func (g *Gatherer) withdraw(one *parcel) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one.taken {
		return false
	}
	one.taken, one.cmds = true, nil
	return true
}

// known reports whether adopt can copy the answers of all commands.
func known(cmds []redis.Cmder) bool {
	for _, cmd := range cmds {
		switch cmd.(type) {
		case *redis.Cmd, *redis.StringCmd, *redis.MapStringStringCmd, *redis.IntCmd:
		default:
			return false
		}
	}
	return true
}

// adopt gives a command the answer of its copy.
func adopt(cmd, from redis.Cmder) {
	switch cmd := cmd.(type) {
	case *redis.Cmd:
		take(cmd, from)
	case *redis.StringCmd:
		take(cmd, from)
	case *redis.MapStringStringCmd:
		take(cmd, from)
	case *redis.IntCmd:
		take(cmd, from)
	}
	cmd.SetErr(from.Err())
}

// take gives a command the value of its copy.
func take[T any](cmd interface{ SetVal(value T) }, from redis.Cmder) {
	if from, ok := from.(interface{ Val() T }); ok {
		cmd.SetVal(from.Val())
	}
}
