package access

import (
	"context"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// WatchCredential returns a context that ends with ctx, or when the credential of
// its Principal ends: a key at most a second after it was revoked, a token when it
// expires. What takes long, such as an event stream, runs under it. cancel must be
// called.
func (g *Guard) WatchCredential(ctx context.Context) (watched context.Context, cancel context.CancelFunc) {
	p := From(ctx)
	if !p.until.IsZero() {
		return context.WithDeadline(ctx, p.until)
	}
	watched, stop := context.WithCancel(ctx)
	if p.Method != ByKey || g.lookup == nil {
		return watched, stop
	}
	leave := g.watcher.join(p.Subject, stop)
	return watched, func() {
		leave()
		stop()
	}
}

// keyWatcher watches keys for the requests that use them. It is of no use without
// a lookup.
type keyWatcher struct {
	lookup *lookup
	every  time.Duration // how often a key is read

	mu      sync.Mutex // guards watches and the members of each
	watches map[string]*watch
}

// watch is one key, read by one goroutine for all requests that use it.
type watch struct {
	members map[int]func() // what to call when the key ends
	next    int
	cancel  context.CancelFunc
	done    chan struct{} // closed when its goroutine has ended
}

// join calls end when the key ends, until leave.
func (k *keyWatcher) join(id string, end func()) (leave func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w, ok := k.watches[id]
	if !ok {
		w = k.start(id)
	}
	member := w.next
	w.next++
	w.members[member] = end
	return sync.OnceFunc(func() { k.leave(id, w, member) })
}

// start begins to watch a key. It needs the lock.
func (k *keyWatcher) start(id string) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{members: make(map[int]func()), cancel: cancel, done: make(chan struct{})}
	if k.watches == nil {
		k.watches = make(map[string]*watch)
	}
	k.watches[id] = w
	go func() {
		defer close(w.done)
		if k.awaitEnd(ctx, id) {
			k.end(id, w)
		}
	}()
	return w
}

// leave removes a member; the last one waits for the watch to end.
func (k *keyWatcher) leave(id string, w *watch, member int) {
	k.mu.Lock()
	delete(w.members, member)
	last := len(w.members) == 0
	if last && k.watches[id] == w {
		delete(k.watches, id)
	}
	k.mu.Unlock()
	if last {
		w.cancel()
		<-w.done
	}
}

// end calls all members.
func (k *keyWatcher) end(id string, w *watch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watches[id] == w {
		delete(k.watches, id)
	}
	for _, end := range w.members {
		end()
	}
}

// awaitEnd returns true when the key has ended, and false when ctx has. While keys
// cannot be read, a key counts until the end that it had when it was last read.
func (k *keyWatcher) awaitEnd(ctx context.Context, id string) bool {
	last := k.lookup.cached(id)
	// The request was admitted by what was cached, which may be about to expire.
	next := time.NewTimer(min(k.every, cacheTime-k.lookup.keys.now().Sub(last.readAt)))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-next.C:
		}
		next.Reset(k.every)
		r, err := k.lookup.refresh(ctx, id)
		if err == nil {
			last.record = r
		}
		if tasks.CodeOf(err) == tasks.CodeNotFound || !last.Active(k.lookup.keys.now()) {
			return true
		}
	}
}
