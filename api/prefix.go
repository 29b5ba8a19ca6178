package api

import (
	"net/http"
	"strings"
)

// prefixed returns a writer for the answer to r whose references lead to where
// the caller reaches the API. Behind a proxy that serves it under a path they
// begin with that path, or are relative to the path of r where the proxy is not
// a trusted one.
func (s *server) prefixed(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	prefix, known := s.cfg.Guard.Prefix(r)
	switch {
	case known && prefix == "":
		return w
	case known:
		return &prefixWriter{ResponseWriter: w, root: prefix + "/"}
	}
	return &prefixWriter{ResponseWriter: w, root: strings.Repeat("../", max(strings.Count(r.URL.Path, "/")-1, 0))}
}

// prefixWriter replaces the root in the paths that Location and Link name.
type prefixWriter struct {
	http.ResponseWriter
	root  string // in place of the first slash
	begun bool
}

// WriteHeader begins the answer.
func (p *prefixWriter) WriteHeader(status int) {
	if !p.begun && status >= http.StatusOK {
		p.begun = true
		h := p.Header()
		if path, ok := strings.CutPrefix(h.Get("Location"), "/"); ok {
			h.Set("Location", p.root+path)
		}
		if link, ok := strings.CutPrefix(h.Get("Link"), "</"); ok {
			h.Set("Link", "<"+p.root+link)
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body, and begins the answer if nobody has.
func (p *prefixWriter) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the writer below.
func (p *prefixWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
