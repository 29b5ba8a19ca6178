//go:build unix

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// link is a process's way to Redis, which can be cut, silenced and slowed. What
// a silent or slow connection holds back is delivered later, as TCP does after
// a network was away: neither lost nor out of order.
//
// It is not toxiproxy, because that stands still for ever when a delay is taken
// off a connection whose client has died meanwhile (2.5.0), and here clients do
// little else.
type link struct {
	upstream string
	listener net.Listener
	copying  sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	faults  map[history.Fault]int // how many of each are on
	changed chan struct{}         // closed when faults change
	closed  bool
}

// newLink opens a way to upstream.
func newLink(name, upstream string) (*link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a link for %s: %w", name, err)
	}
	link := &link{
		upstream: upstream, listener: l,
		conns: map[net.Conn]bool{}, faults: map[history.Fault]int{}, changed: make(chan struct{}),
	}
	link.copying.Go(link.accept)
	return link, nil
}

// addr is where the process finds Redis.
func (l *link) addr() string { return l.listener.Addr().String() }

// close ends the link and its connections.
func (l *link) close() {
	_ = l.listener.Close() // accept ends by it
	l.mu.Lock()
	l.closed = true
	l.cut()
	l.wake()
	l.mu.Unlock()
	l.copying.Wait()
}

// disturb does a fault to the link, and returns what undoes it. Several faults
// may overlap.
func (l *link) disturb(fault history.Fault) (undo func()) {
	l.change(fault, 1)
	return func() { l.change(fault, -1) }
}

func (l *link) change(fault history.Fault, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults[fault] += by
	if l.faults[history.Cut] > 0 {
		l.cut()
	}
	l.wake()
}

// wake wakes all waiters, since the faults have changed. l.mu is held.
func (l *link) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// cut closes all connections. l.mu is held.
func (l *link) cut() {
	for conn := range l.conns {
		_ = conn.Close() // its reader notices
	}
}

// accept takes connections. While the link is cut they are closed at once; the
// port stays ours.
func (l *link) accept() {
	for {
		down, err := l.listener.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", l.upstream)
		if err != nil {
			_ = down.Close() // its peer is gone
			continue
		}
		if !l.enter(down, up) {
			continue
		}
		l.copying.Go(func() { l.carry(up, down) })
		l.copying.Go(func() { l.carry(down, up) })
	}
}

// enter notes the two ends of a connection, or closes them.
func (l *link) enter(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range ends {
		l.conns[conn] = true
	}
	if l.closed || l.faults[history.Cut] > 0 {
		for _, conn := range ends {
			_ = conn.Close() // as if there were nothing
			delete(l.conns, conn)
		}
		return false
	}
	return true
}

// carry copies from one end to the other, when it may, until either is closed.
func (l *link) carry(to io.WriteCloser, from net.Conn) {
	defer func() {
		l.mu.Lock()
		delete(l.conns, from)
		l.mu.Unlock()
		_ = from.Close() // both ends, so that the other direction ends too
		_ = to.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !l.pass() {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// slowness is how long a slow link takes at the most, each way.
const slowness = 250 * time.Millisecond

// pass waits until the link carries data again. It reports false when it never
// will.
func (l *link) pass() bool {
	for {
		l.mu.Lock()
		silent, slow, closed, changed := l.faults[history.Silence] > 0, l.faults[history.Slow] > 0, l.closed, l.changed
		l.mu.Unlock()
		switch {
		case closed:
			return false
		case silent:
			<-changed
		case slow:
			time.Sleep(rand.N(slowness))
			return true
		default:
			return true
		}
	}
}
