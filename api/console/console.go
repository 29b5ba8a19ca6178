// Package console is the operators' page: what the fleet does now, the jobs, and the
// story of each job, in English and Chinese.
//
// Pages are rendered here; the one script fetches the part of a page that changes once
// a second while the page is visible. All viewers of a process share one snapshot a
// second, which is made only while somebody asks, so what the console costs Redis depends
// neither on the number of viewers nor on that of jobs.
//
// The listener for operators mounts it, and decides who may see it. What changes a job
// needs the scope that the API asks for as well.
package console

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
)

// Root is where the console is.
const Root = "/console"

// Jobs is what the console shows and does of jobs. Its methods are those of the same
// names of api.Jobs, api.Events and the store. It must be safe for concurrent use.
type Jobs interface {
	Find(ctx context.Context, id string) (*tasks.Job, error)
	List(ctx context.Context, tenant string, f tasks.JobFilter) (*tasks.JobPage, error)
	Cancel(ctx context.Context, tenant, id string) (*tasks.Job, error)
	Retry(ctx context.Context, tenant, id string) (*tasks.Job, error)
	Rerun(ctx context.Context, tenant, id string) (j *tasks.Job, replayed bool, err error)
	Input(ctx context.Context, id string) (json.RawMessage, error)
	Since(ctx context.Context, id string, after, limit int64) (events []tasks.Event, over bool, err error)
	Tenants(ctx context.Context) ([]string, error)
}

// Config has what the console shows.
type Config struct {
	Jobs    Jobs
	Health  func(context.Context) api.Health
	Workers func(context.Context) ([]tasks.Worker, error)
	Agents  func() []string // IDs, sorted
}

//go:embed pages words
var files embed.FS

// Console serves the pages.
type Console struct {
	Config

	snapshots snapshots
	pages     map[language]*template.Template
}

// handler answers a request, or returns why it does not.
type handler func(http.ResponseWriter, *http.Request) error

// New returns a console.
func New(cfg Config) (*Console, error) {
	c := &Console{Config: cfg, pages: map[language]*template.Template{}}
	for _, l := range languages {
		words, err := readWords(l)
		if err != nil {
			return nil, err
		}
		c.pages[l], err = template.New("").Funcs(functions(words)).ParseFS(files, "pages/*.html")
		if err != nil {
			return nil, err
		}
	}
	c.snapshots.take = c.snapshot
	return c, nil
}

// Routes calls add for each pattern of http.ServeMux and its handler.
func (c *Console) Routes(add func(pattern string, h func(http.ResponseWriter, *http.Request) error)) {
	for pattern, h := range map[string]handler{
		"GET " + Root:                          c.now,
		"GET " + Root + "/{$}":                 c.now,
		"GET " + Root + "/part":                c.nowPart,
		"GET " + Root + "/jobs":                c.jobs,
		"GET " + Root + "/jobs/{id}":           c.job,
		"GET " + Root + "/jobs/{id}/part":      c.jobPart,
		"GET " + Root + "/jobs/{id}/{action}":  c.confirm,
		"POST " + Root + "/jobs/{id}/{action}": c.act,
		"GET " + Root + "/console.css":         asset("console.css"),
		"GET " + Root + "/console.js":          asset("console.js"),
	} {
		add(pattern, h)
	}
}

// policy is the Content-Security-Policy of the pages.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// asset serves a file that no page fills in.
func asset(name string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		http.ServeFileFS(w, r, files, "pages/"+name)
		return nil
	}
}

// show writes a page, or a part of one, in the language of the request. Whatever
// data is in it, no character reaches the browser that does not print or changes the
// direction of writing.
func (c *Console) show(w http.ResponseWriter, r *http.Request, name string, data any) error {
	var text bytes.Buffer
	if err := c.pages[languageOf(w, r)].ExecuteTemplate(&text, name, data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Vary", "Accept-Language, Cookie")
	_, _ = io.WriteString(w, visible(text.String())) // a browser that is gone is nobody's error
	return nil
}

// page is what every page has.
type page struct {
	Lang    language
	Other   language // the language to change to
	Path    string   // of the page, with its query without the language
	Section string
	Write   bool // the caller may change jobs
	MadeAt  time.Time
	Problem string // what could not be done, in words
	Content any
}
