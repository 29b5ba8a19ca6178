package mockllm

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// manual is the response of GET /control.
const manual = `The control plane of the mock model server. Bodies are JSON; {provider} is one of
the providers, or all.

GET    /control/behavior               the behavior of every provider
GET    /control/behavior/{provider}    the behavior of one
PUT    /control/behavior/{provider}    replace it; {} answers every call
PATCH  /control/behavior/{provider}    change the given fields
GET    /control/stats                  calls by provider, model and outcome, and the last 200
PUT    /control/tripwire               {"deny":["..."]}: values that must never arrive
GET    /control/tripped                the ones that arrived
PUT    /control/clock                  {"now":"2026-11-23T02:00:00Z"}: set the services' clocks
GET    /control/clock                  the services' clocks
POST   /control/reset                  restore the initial state

The fields of a behavior, all of them optional:
  latency                    {"min":"50ms","mean":"200ms","max":"5s"}: min plus an exponential time with that mean
  prefill_tokens_per_second, decode_tokens_per_second   0: takes no time
  load_time, loaded_models   Ollama keeps that many models loaded, and loads others in that time
  faults                     {"rate_limited":0.1}: the share of calls with each
  script                     ["server","answer"]: the next calls, one by one; then faults apply
  shape                      "crlf": the shape of every answer, or of the list of models; see below
  retry_after                "20s": sent with rate_limited and overloaded
  drip                       "1s": between the characters of slow_drip
  limits                     {"requests_per_minute":3,"tokens_per_minute":500000,"concurrency":1}
  context_window             tokens of the longest prompt
  silent_truncation          true: Ollama truncates a longer prompt, as only its count shows
  cached_share               0.5: of the prompt's tokens
  thinking_tokens            of a reasoning model
  models                     ["..."]: the only models
  answer                     "...": instead of one generated from the schema

Faults:
`

// control serves the control plane.
func (s *Server) control() {
	s.mux.HandleFunc("GET /control", s.manual)
	s.mux.HandleFunc("GET /control/{$}", s.manual)
	s.mux.HandleFunc("GET /control/behavior", func(w http.ResponseWriter, _ *http.Request) {
		all := map[string]Behavior{}
		for _, name := range Providers() {
			all[name] = s.Behavior(name)
		}
		sendJSON(w, http.StatusOK, all)
	})
	s.mux.HandleFunc("GET /control/behavior/{provider}", func(w http.ResponseWriter, r *http.Request) {
		if name := r.PathValue("provider"); s.services[name] == nil {
			refuseControl(w, http.StatusNotFound, fmt.Errorf("unknown provider %q", name))
		} else {
			sendJSON(w, http.StatusOK, s.Behavior(name))
		}
	})
	s.mux.HandleFunc("PUT /control/behavior/{provider}", s.setBehavior)
	s.mux.HandleFunc("PATCH /control/behavior/{provider}", s.setBehavior)
	s.mux.HandleFunc("GET /control/stats", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, http.StatusOK, s.Stats()) })
	s.mux.HandleFunc("PUT /control/tripwire", s.setTripwire)
	s.mux.HandleFunc("GET /control/tripped", func(w http.ResponseWriter, _ *http.Request) {
		n, trips := s.Tripped()
		sendJSON(w, http.StatusOK, object{"count": n, "trips": trips})
	})
	s.mux.HandleFunc("PUT /control/clock", s.setClock)
	s.mux.HandleFunc("GET /control/clock", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, object{"now": s.Now()})
	})
	s.mux.HandleFunc("POST /control/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		sendJSON(w, http.StatusOK, object{})
	})
}

func (s *Server) manual(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	b.WriteString(manual)
	for _, f := range Faults() {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	b.WriteString("\nProviders:\n")
	for _, name := range Providers() {
		fmt.Fprintf(&b, "  %-10s %s\n", name, Path(name))
	}
	b.WriteString("\nShapes, and the APIs that have them:\n")
	for _, s := range Shapes() {
		fmt.Fprintf(&b, "  %-34s %-14s %s\n", s.Name, strings.Join(s.Dialects, ", "), s.About)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

func (s *Server) setBehavior(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("provider")
	var b Behavior
	if r.Method == http.MethodPatch && name != All {
		b = s.Behavior(name)
		b.Faults = maps.Clone(b.Faults)
	}
	if !readControl(w, r, &b) {
		return
	}
	if err := s.Set(name, b); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	sendJSON(w, http.StatusOK, b)
}

func (s *Server) setTripwire(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Deny []string `json:"deny"`
	}
	if readControl(w, r, &in) {
		s.Deny(in.Deny...)
		sendJSON(w, http.StatusOK, in)
	}
}

func (s *Server) setClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Now time.Time `json:"now"`
	}
	if readControl(w, r, &in) {
		s.SetNow(in.Now)
		sendJSON(w, http.StatusOK, object{"now": s.Now()})
	}
}

// readControl decodes a body, or responds with what is wrong with it.
func readControl(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func refuseControl(w http.ResponseWriter, status int, err error) {
	sendJSON(w, status, object{"error": err.Error()})
}
