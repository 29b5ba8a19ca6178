package access

import (
	"context"
	"sync"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Hold returns a context that ends with ctx, or when the credential of its
// Principal ends: a key at most a second after it was revoked, a token when it
// expires. What goes on for long, such as an event stream, runs under it. cancel
// must be called.
func (g *Guard) Hold(ctx context.Context) (held context.Context, cancel context.CancelFunc) {
	p := From(ctx)
	if !p.until.IsZero() {
		return context.WithDeadline(ctx, p.until)
	}
	held, stop := context.WithCancel(ctx)
	if p.Method != ByKey || g.lookup == nil {
		return held, stop
	}
	leave := g.holds.join(p.Subject, stop)
	return held, func() {
		leave()
		stop()
	}
}

// holds watches the keys under which something goes on. The zero holds is no
// use; a Guard with keys has a good one.
type holds struct {
	lookup *lookup
	every  time.Duration // how often a key is read

	mu      sync.Mutex // guards watched and the members of each
	watched map[string]*watch
}

// watch is one key, read by one goroutine for all that goes on under it.
type watch struct {
	members map[int]func() // what to call when the key ends
	next    int
	cancel  context.CancelFunc
	done    chan struct{} // closed when its goroutine has ended
}

// join has end called when the key ends, until leave.
func (h *holds) join(id string, end func()) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, ok := h.watched[id]
	if !ok {
		w = h.start(id)
	}
	member := w.next
	w.next++
	w.members[member] = end
	return sync.OnceFunc(func() { h.leave(id, w, member) })
}

// start begins to watch a key. It needs the lock.
func (h *holds) start(id string) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{members: make(map[int]func()), cancel: cancel, done: make(chan struct{})}
	if h.watched == nil {
		h.watched = make(map[string]*watch)
	}
	h.watched[id] = w
	go func() {
		defer close(w.done)
		if h.ended(ctx, id) {
			h.end(id, w)
		}
	}()
	return w
}

// leave removes a member; the last one waits for the watch to end.
func (h *holds) leave(id string, w *watch, member int) {
	h.mu.Lock()
	delete(w.members, member)
	last := len(w.members) == 0
	if last && h.watched[id] == w {
		delete(h.watched, id)
	}
	h.mu.Unlock()
	if last {
		w.cancel()
		<-w.done
	}
}

// end tells all members that the key has ended.
func (h *holds) end(id string, w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watched[id] == w {
		delete(h.watched, id)
	}
	for _, end := range w.members {
		end()
	}
}

// ended returns true when the key has ended, and false when ctx has. While the
// keys cannot be read, what goes on goes on, until the end that the key had when
// it was read last.
func (h *holds) ended(ctx context.Context, id string) bool {
	last := h.lookup.last(id)
	// Whoever begins was let in by what is known, which may be old already.
	next := time.NewTimer(min(h.every, believed-h.lookup.keys.now().Sub(last.asked)))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-next.C:
		}
		next.Reset(h.every)
		r, err := h.lookup.fresh(ctx, id)
		if err == nil {
			last.record = r
		}
		if tasks.CodeOf(err) == tasks.CodeNotFound || !last.Active(h.lookup.keys.now()) {
			return true
		}
	}
}
