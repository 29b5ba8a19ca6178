package mockllm

import (
	"net/http"
	"sync"
	"time"
)

// clock is what the services' clocks show. Limits and delays take real time
// whatever it shows.
type clock struct {
	mu  sync.Mutex
	set time.Time // what it was set to; zero: it was not
	at  time.Time // when that was
}

// Now returns what the services' clocks show: in the header Date and as the time
// at which an answer was made.
func (s *Server) Now() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	if s.clock.set.IsZero() {
		return time.Now()
	}
	return s.clock.set.Add(time.Since(s.clock.at))
}

// SetNow sets the services' clocks, to an hour in which calls are cheap or dear.
// They go on from there. The zero time makes them right again.
func (s *Server) SetNow(t time.Time) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.set, s.clock.at = t, time.Now()
}

// date sets the response's Date header.
func (s *Server) date(w http.ResponseWriter) {
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
}
