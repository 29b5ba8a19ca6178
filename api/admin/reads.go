package admin

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/topcentral/spillway/api/console"
)

const (
	// readAgain is after how long a read of the same page by the same caller has a line
	// of its own again: a page that is open fetches its part once a second.
	readAgain = 10 * time.Minute
	// mostReads bounds how many reads are remembered.
	mostReads = 10_000
)

// reads remembers who has read which tenants' data of late, so that each read is
// recorded and none once a second. It is safe for concurrent use.
type reads struct {
	mu   sync.Mutex
	last map[[sha256.Size]byte]time.Time
}

// first reports whether a request reads a tenant's jobs and must be recorded.
func (s *reads) first(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, console.Root+"/jobs") {
		return false
	}
	who := strings.Join(append(r.Header.Values("Authorization"), r.Header.Values("Cookie")...), "\n")
	key := sha256.Sum256([]byte(who + "\n" + readOf(r)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.last[key]) < readAgain {
		return false
	}
	if s.last == nil || len(s.last) >= mostReads {
		s.last = map[[sha256.Size]byte]time.Time{}
	}
	s.last[key] = time.Now()
	return true
}

// readOf names what is read: a job, or the list of a tenant.
func readOf(r *http.Request) string {
	what := strings.TrimSuffix(r.URL.Path, "/part")
	if tenant := r.URL.Query().Get("tenant"); tenant != "" {
		what += "?tenant=" + tenant
	}
	return what
}
