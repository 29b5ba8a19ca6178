package store_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/topcentral/spillway/lab/redistest"
)

// maxRetries is how often the client sends a command again by itself.
const maxRetries = 3

// link is the way between a client and an embedded Redis. It can lose replies
// to scripts after they have run, so that the client sends them again, and it
// can deliver what was sent once more, much later, as a network may.
type link struct {
	server *miniredis.Miniredis
	fault  *redistest.Fault

	mu    sync.Mutex
	lose  int    // how many replies to scripts are still to be lost
	sent  []byte // the last script call, as it went over the wire
	slots string // the hash tags of a script call whose keys are not all in one slot
}

// newLink returns a link and a client that uses it; both end with the test.
func newLink(t *testing.T) (*link, *redis.Client) {
	t.Helper()
	l := &link{server: miniredis.NewMiniRedis()}
	l.server.SetTime(epoch)
	l.server.ClockTTL(true)
	if err := l.server.Start(); err != nil {
		t.Fatalf("start miniredis: %v", err)
	}
	l.fault = redistest.NewFault(l.server)
	rdb := redis.NewClient(&redis.Options{
		Dialer:     l.dial,
		MaxRetries: maxRetries, MinRetryBackoff: -1, MaxRetryBackoff: -1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() {
		rdb.Close()
		l.server.Close()
	})
	return l, rdb
}

func (l *link) dial(context.Context, string, string) (net.Conn, error) {
	c, err := l.server.Dial()
	return &wire{Conn: c, link: l}, err
}

// losing makes the link lose the next n replies to scripts.
func (l *link) losing(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = n
}

// last returns the last script call that went over the link.
func (l *link) last() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// deliver sends a call once more, and reports whether its script ran: Redis may
// have forgotten it.
func (l *link) deliver(t fatal, call []byte) bool {
	c, err := l.server.Dial()
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer c.Close()
	if _, err := c.Write(call); err != nil {
		t.Fatalf("deliver: %v", err)
	}
	reply := make([]byte, 1024)
	n, err := c.Read(reply)
	if err != nil {
		t.Fatalf("deliver: %v", err)
	}
	if unknown(reply[:n]) {
		return false
	}
	if reply[0] == '-' {
		t.Fatalf("a script failed: %s", reply[:n])
	}
	return true
}

// fatal is a test that can be ended.
type fatal interface {
	Fatalf(format string, args ...any)
}

// unknown reports whether a reply says that Redis does not hold the script.
func unknown(reply []byte) bool { return bytes.HasPrefix(reply, []byte("-NOSCRIPT")) }

// wire is one connection of a link.
type wire struct {
	net.Conn
	link *link

	// The client uses a connection from one goroutine at a time.
	script bool // a script was called
	broken bool // a reply was lost
}

var hashTag = regexp.MustCompile(`spillway:(\{\d+\})`)

func (w *wire) Write(b []byte) (int, error) {
	if w.script = bytes.Contains(b, []byte("\r\neval")); w.script {
		w.link.mu.Lock()
		w.link.sent = bytes.Clone(b)
		tags := hashTag.FindAllSubmatch(b, -1)
		for _, tag := range tags {
			if !bytes.Equal(tag[1], tags[0][1]) {
				w.link.slots = string(bytes.Join([][]byte{tag[1], tags[0][1]}, []byte(" and ")))
			}
		}
		w.link.mu.Unlock()
	}
	return w.Conn.Write(b)
}

func (w *wire) Read(b []byte) (int, error) {
	if w.broken {
		return 0, io.EOF
	}
	n, err := w.Conn.Read(b)
	if !w.script || err != nil || unknown(b[:n]) {
		return n, err
	}
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	w.script = false
	if w.link.lose > 0 {
		w.link.lose--
		w.broken = true
		return 0, io.EOF
	}
	return n, nil
}

// epoch is when every model begins.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
