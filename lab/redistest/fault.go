package redistest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// Denied is the error of a command that a Fault refuses.
const Denied = "NOPERM this user has no permissions to run the command (injected)"

// Fault makes commands fail that Lua scripts call on an embedded Redis, as they do
// where the user lacks a permission. It is safe for concurrent use.
type Fault struct {
	mu     sync.Mutex
	at     int      // which command of the next script fails; 0: none
	count  int      // commands of the current script so far
	fired  string   // the command that has failed
	denied []string // commands that always fail
}

// NewFault puts a Fault before a server. A server has one at most.
func NewFault(on *miniredis.Miniredis) *Fault {
	f := &Fault{}
	on.Server().SetPreHook(f.hook)
	return f
}

// At makes the n-th command of each script that comes fail, until one has; 0 ends
// that.
func (f *Fault) At(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.count, f.fired = n, 0, ""
}

// Fired returns the command that has failed since At was called, "" if none has.
func (f *Fault) Fired() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// Deny makes commands fail in every script; none ends that.
func (f *Fault) Deny(commands ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied = commands
}

func (f *Fault) hook(c *server.Peer, command string, args ...string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.Contains(fmt.Sprintf("%+v", c.Ctx), "nested:true") { // it is not called by a script
		f.count = 0
		return false
	}
	f.count++
	due := f.at > 0 && f.fired == "" && f.count == f.at
	if due {
		f.fired = strings.TrimSpace(command + " " + strings.Join(args[:min(len(args), 2)], " "))
	}
	if due || slices.Contains(f.denied, command) {
		c.WriteError(Denied)
		return true
	}
	return false
}
