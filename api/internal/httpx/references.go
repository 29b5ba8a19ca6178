package httpx

import (
	"net/http"
	"strings"
)

// WithReferences returns a writer for the answer to r that makes Location and
// Link lead to where the caller reaches the service. Behind a proxy that serves
// it under a path they begin with that prefix; where the prefix is not known they
// are relative to the path of r.
func WithReferences(w http.ResponseWriter, r *http.Request, prefix string, known bool) http.ResponseWriter {
	switch {
	case known && prefix == "":
		return w
	case known:
		return &referenceWriter{ResponseWriter: w, root: prefix + "/"}
	}
	return &referenceWriter{ResponseWriter: w, root: strings.Repeat("../", max(strings.Count(r.URL.Path, "/")-1, 0))}
}

// referenceWriter replaces the root of the paths in Location and Link.
type referenceWriter struct {
	http.ResponseWriter
	root  string // in place of the first slash
	begun bool
}

// WriteHeader begins the answer.
func (w *referenceWriter) WriteHeader(status int) {
	if !w.begun && status >= http.StatusOK {
		w.begun = true
		h := w.Header()
		if path, ok := strings.CutPrefix(h.Get("Location"), "/"); ok {
			h.Set("Location", w.root+path)
		}
		if link, ok := strings.CutPrefix(h.Get("Link"), "</"); ok {
			h.Set("Link", "<"+w.root+link)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body, and begins the answer if it has not begun.
func (w *referenceWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (w *referenceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
