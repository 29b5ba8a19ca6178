package redisconn

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxInFlight is how many round trips may be in flight before other calls have to wait
	// for a batch. Two keep the server busy while the replies to one are read.
	maxInFlight = 2
	// maxBatch is how many calls one batch holds, so that none waits for the replies of
	// too many others.
	maxBatch = 128
	// maxWait is how long a call waits for a batch. What is in flight may hang on a lost
	// connection or server, and no other call waits for that.
	maxWait = 250 * time.Millisecond
)

// Batcher is a client of one server that sends concurrent calls in one round trip (a
// group commit): a round trip costs both ends several times what a command does. A
// lone call is sent at once. Calls that come while others are in flight wait for them,
// at most for maxWait, and are then sent together.
//
// Scripts, reads of one string and pipelines are batched. Everything else, and
// transactions, are sent one by one. Each call has its own reply and error, and ends
// with its own context; Redis may have run its command all the same. A Batcher is safe
// for concurrent use.
type Batcher struct {
	*redis.Client

	mu       sync.Mutex
	inFlight int        // calls and batches
	waiting  []*pending // calls that wait for the next batch
	flushes  sync.WaitGroup
}

// NewBatcher returns a Batcher on the client of one server, which closes that client. Any
// other client it returns as it is: the commands of a cluster's client spread over
// servers, of which a slow one would hold up the others.
func NewBatcher(rdb redis.UniversalClient) redis.UniversalClient {
	if server, ok := rdb.(*redis.Client); ok {
		return &Batcher{Client: server}
	}
	return rdb
}

// Close closes the client, which ends what is in flight, and waits for that.
func (b *Batcher) Close() error {
	err := b.Client.Close()
	b.flushes.Wait()
	return err
}

// EvalSha runs a script that Redis knows.
func (b *Batcher) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	if b.startAlone() {
		defer b.done()
		return b.Client.EvalSha(ctx, sha1, keys, args...)
	}
	p := b.Pipeline()
	cmd := p.EvalSha(ctx, sha1, keys, args...)
	b.send(ctx, p)
	return cmd
}

// Get reads a string.
func (b *Batcher) Get(ctx context.Context, key string) *redis.StringCmd {
	if b.startAlone() {
		defer b.done()
		return b.Client.Get(ctx, key)
	}
	p := b.Pipeline()
	cmd := p.Get(ctx, key)
	b.send(ctx, p)
	return cmd
}

// Pipelined runs the commands that fn queues, in order, and returns the first error.
func (b *Batcher) Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error) {
	p := b.Pipeline()
	if err := fn(p); err != nil {
		return nil, err
	}
	cmds := p.Cmds()
	if len(cmds) == 0 || !copyable(cmds) {
		return p.Exec(ctx)
	}
	if b.startAlone() {
		defer b.done()
		return p.Exec(ctx)
	}
	b.send(ctx, p)
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return cmds, err
		}
	}
	return cmds, nil
}

// pending is a call that waits for its reply.
type pending struct {
	cmds  []redis.Cmder // copies: the caller may be gone before they are answered
	done  chan struct{} // closed when they are answered
	taken bool          // it is in a batch, or withdrawn; guarded by the Batcher's lock
}

// startAlone reports whether a call may be sent by itself now, and counts it as in flight.
func (b *Batcher) startAlone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.inFlight < maxInFlight
	if free {
		b.inFlight++
	}
	return free
}

// done ends a call that was sent by itself. Those that wait are flushed in its place.
func (b *Batcher) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.inFlight--
		return
	}
	b.flushes.Go(b.flush)
}

// flush sends what waits, batch by batch, until nothing does.
func (b *Batcher) flush() {
	for batch := b.nextBatch(); batch != nil; batch = b.nextBatch() {
		// Each command keeps its own error, and the client its own time limits.
		ctx := context.Background()
		p := b.Pipeline()
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

// nextBatch removes the next batch from those that wait. It returns nil when none do, and
// the flush is over.
func (b *Batcher) nextBatch() []*pending {
	b.mu.Lock()
	defer b.mu.Unlock()
	var batch []*pending
	for len(b.waiting) > 0 && len(batch) < maxBatch {
		one := b.waiting[0]
		b.waiting[0], b.waiting = nil, b.waiting[1:]
		if !one.taken {
			one.taken = true
			batch = append(batch, one)
		}
	}
	if batch == nil {
		b.inFlight--
	}
	return batch
}

// send enqueues the commands of p, and waits for their replies.
func (b *Batcher) send(ctx context.Context, p redis.Pipeliner) {
	cmds := p.Cmds()
	one := b.enqueue(cmds)
	late := time.NewTimer(maxWait)
	defer late.Stop()
	for {
		select {
		case <-one.done:
			for i, cmd := range cmds {
				copyReply(cmd, one.cmds[i])
			}
			// The client leaves a connection whose server takes no writes any more,
			// and asks again, but looks at the first command of a batch alone.
			if redis.IsReadOnlyError(cmds[0].Err()) {
				_, _ = p.Exec(ctx) // each command keeps its own error
			}
			return
		case <-ctx.Done():
			b.withdraw(one)
			for _, cmd := range cmds {
				cmd.SetErr(ctx.Err())
			}
			return
		case <-late.C:
			if b.withdraw(one) {
				_, _ = p.Exec(ctx) // each command keeps its own error
				return
			}
		}
	}
}

// enqueue has copies of commands wait for a batch.
func (b *Batcher) enqueue(cmds []redis.Cmder) *pending {
	one := &pending{cmds: make([]redis.Cmder, len(cmds)), done: make(chan struct{})}
	for i, cmd := range cmds {
		one.cmds[i] = cmd.Clone()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inFlight < maxInFlight { // what was in flight has ended meanwhile
		b.inFlight++
		b.flushes.Go(b.flush)
	}
	b.waiting = append(b.waiting, one)
	return one
}

// withdraw removes a call that is in no batch yet, and reports whether it was.
func (b *Batcher) withdraw(one *pending) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one.taken {
		return false
	}
	one.taken, one.cmds = true, nil
	return true
}

// copyable reports whether copyReply can copy the replies of all commands.
func copyable(cmds []redis.Cmder) bool {
	for _, cmd := range cmds {
		switch cmd.(type) {
		case *redis.Cmd, *redis.StringCmd, *redis.MapStringStringCmd, *redis.IntCmd:
		default:
			return false
		}
	}
	return true
}

// copyReply gives a command the reply of its copy.
func copyReply(cmd, from redis.Cmder) {
	switch cmd := cmd.(type) {
	case *redis.Cmd:
		copyValue(cmd, from)
	case *redis.StringCmd:
		copyValue(cmd, from)
	case *redis.MapStringStringCmd:
		copyValue(cmd, from)
	case *redis.IntCmd:
		copyValue(cmd, from)
	}
	cmd.SetErr(from.Err())
}

// copyValue gives a command the value of its copy.
func copyValue[T any](cmd interface{ SetVal(value T) }, from redis.Cmder) {
	if from, ok := from.(interface{ Val() T }); ok {
		cmd.SetVal(from.Val())
	}
}
