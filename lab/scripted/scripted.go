// Package scripted is a model server whose every answer is written down
// beforehand: how long a call takes, and whether it is answered, refused,
// dropped or left hanging. It speaks Ollama's native API and the one of OpenAI,
// and tells of each call when it began, when it ended and whether the caller
// left first, so that a test can count what a job cost and how soon a canceled
// job's call was broken off.
package scripted

import (
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// Manner is how the server behaves in one call.
type Manner string

// The manners of a call.
const (
	Answer Manner = "answer" // stream a valid answer over Act.Takes
	Babble Manner = "babble" // stream what is not JSON over Act.Takes
	Fail   Manner = "fail"   // answer 500 after Act.Takes
	Busy   Manner = "busy"   // answer 429 at once, with a Retry-After of 1 s
	Drop   Manner = "drop"   // stream half an answer over Act.Takes, then cut the connection
	Hang   Manner = "hang"   // begin to answer, and then say nothing until the caller leaves
)

// Act is what the server does in one call.
type Act struct {
	Manner Manner
	Takes  time.Duration
}

// Script says what happens in the nth call (from 1) that is made for a job. It
// must be safe for concurrent use.
type Script func(job string, n int) Act

// Call tells of a call that has ended.
type Call struct {
	Job    string // as found in the prompt; "" if there was none
	Lane   string // local for Ollama's API, cloud for OpenAI's
	Number int    // of the job's calls, from 1
	Manner Manner
	Start  time.Time
	End    time.Time
	// Left says that the caller closed the connection before the end: it
	// aborted the call, or died.
	Left bool
}

// Server is the model server, an [http.Handler].
type Server struct {
	mux    *http.ServeMux
	marker *regexp.Regexp
	script Script
	answer string
	tell   func(Call)

	mu    sync.Mutex
	calls map[string]int // by job
}

// Config is what a server needs; every field is required.
type Config struct {
	Marker *regexp.Regexp // finds the job in a prompt
	Script Script
	Answer string     // the valid answer, JSON
	Tell   func(Call) // is told of every call that has ended, possibly concurrently
}

// New returns a server.
func New(c Config) *Server {
	s := &Server{
		mux: http.NewServeMux(), marker: c.Marker, script: c.Script, answer: c.Answer, tell: c.Tell,
		calls: map[string]int{},
	}
	s.mux.HandleFunc("GET /api/tags", serveJSON(ollamaModels))
	s.mux.HandleFunc("POST /api/chat", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, ollama{}) })
	s.mux.HandleFunc("GET /v1/models", serveJSON(openaiModels))
	s.mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, openai{}) })
	return s
}

// ServeHTTP answers a call as the script says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// maxPrompt bounds a request's body, in bytes.
const maxPrompt = 4 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request, d dialect) {
	began := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPrompt))
	if err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	job := string(s.marker.Find(body))
	n := s.count(job)
	act := s.script(job, n)
	call := Call{Job: job, Lane: d.lane(), Number: n, Manner: act.Manner, Start: began}
	defer func() {
		call.End, call.Left = time.Now(), r.Context().Err() != nil
		s.tell(call)
	}()
	s.play(w, r, d, act)
}

func (s *Server) count(job string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[job]++
	return s.calls[job]
}

// play does what the act says.
func (s *Server) play(w http.ResponseWriter, r *http.Request, d dialect, act Act) {
	switch act.Manner {
	case Fail:
		if pause(r, act.Takes) {
			http.Error(w, `{"error":{"message":"as scripted"}}`, http.StatusInternalServerError)
		}
	case Busy:
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"error":{"message":"too many requests, as scripted"}}`, http.StatusTooManyRequests)
	case Drop:
		write(w, r, d, s.answer[:len(s.answer)/2], act.Takes)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close() // it is to look broken
		}
	case Hang:
		write(w, r, d, s.answer[:1], 0)
		<-r.Context().Done()
	case Babble:
		if write(w, r, d, "That is hard to say, as scripted.", act.Takes) {
			d.end(w)
		}
	default:
		if write(w, r, d, s.answer, act.Takes) {
			d.end(w)
		}
	}
}

// pieces is into how many parts an answer is cut.
const pieces = 6

// write streams text in pieces, evenly over a time. It reports whether the
// caller was there to the end.
func write(w http.ResponseWriter, r *http.Request, d dialect, text string, over time.Duration) bool {
	w.Header().Set("Content-Type", d.contentType())
	size := max(1, (len(text)+pieces-1)/pieces)
	for len(text) > 0 {
		if !pause(r, over/pieces) {
			return false
		}
		n := min(size, len(text))
		d.piece(w, text[:n])
		if http.NewResponseController(w).Flush() != nil {
			return false
		}
		text = text[n:]
	}
	return true
}

// pause waits, and reports whether the caller is still there.
func pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
