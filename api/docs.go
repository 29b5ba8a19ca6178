package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/topcentral/spillway/api/docs"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// Docs shows the page on which the contract can be browsed.
func (s *server) Docs(_ context.Context, request spec.DocsRequestObject) (spec.DocsResponseObject, error) {
	return page{s.docs[docs.Index], request.Params.IfNoneMatch}, nil
}

// Root redirects a browser to that page. The reference is relative, so that it is right
// behind a proxy that adds a prefix.
func (s *server) Root(context.Context, spec.RootRequestObject) (spec.RootResponseObject, error) {
	return spec.Root303Response{Headers: spec.Root303ResponseHeaders{Location: "docs"}}, nil
}

// DocsFile shows a file that the page needs.
func (s *server) DocsFile(_ context.Context, request spec.DocsFileRequestObject) (spec.DocsFileResponseObject, error) {
	f, ok := s.docs[request.File]
	if !ok || request.File == docs.Index {
		return nil, tasks.Errorf(tasks.CodeNotFound, "There is no such file; the documentation is at /docs.")
	}
	return page{f, request.Params.IfNoneMatch}, nil
}

// page answers with a file of the documentation.
type page struct {
	file docs.File
	has  string // what the client has: its If-None-Match
}

func (p page) visit(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // browsers ask each time, and mostly get 304
	h.Set("ETag", p.file.ETag)
	h.Set("Content-Security-Policy", docs.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if httpx.Matches(p.has, p.file.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", p.file.Type)
	h.Set("Content-Length", strconv.Itoa(len(p.file.Body)))
	_, err := w.Write(p.file.Body)
	return err
}

// VisitDocsResponse writes the page.
func (p page) VisitDocsResponse(w http.ResponseWriter) error { return p.visit(w) }

// VisitDocsFileResponse writes the file.
func (p page) VisitDocsFileResponse(w http.ResponseWriter) error { return p.visit(w) }
