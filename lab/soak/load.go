//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is what callers do: each submission has one, who waits, watches, cancels, or
// has a webhook sent.
type load struct {
	w      *world
	http   *http.Client
	inputs []input

	asked, refused, broken, jobs, ended, faults atomic.Int64
}

// input is an example of an agent.
type input struct {
	agent string
	data  json.RawMessage
}

// examples are the inputs of all built-in agents, as seen from the module's root.
const examples = "tasks/agents/*/examples/*.json"

// lifeWithin bounds all that one caller does.
const lifeWithin = time.Minute

func newLoad(w *world) (*load, error) {
	l := &load{w: w, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}}}
	files, err := filepath.Glob(examples)
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no examples of agents: run this from the module's root: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of the repository
		if err != nil {
			return nil, fmt.Errorf("read an example: %w", err)
		}
		var example struct{ Input json.RawMessage }
		if err := json.Unmarshal(text, &example); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		folder := filepath.Base(filepath.Dir(filepath.Dir(file))) // such as a02_opportunity_scoring
		l.inputs = append(l.inputs, input{agent: strings.ToUpper(folder[:3]), data: example.Input})
	}
	return l, nil
}

// run has callers come, and faults happen, until ctx ends; then it waits until the
// callers have left.
func (l *load) run(ctx context.Context, cfg config) {
	var all sync.WaitGroup
	defer all.Wait()
	if cfg.faults > 0 {
		all.Go(func() { l.disturb(ctx, cfg.faults) })
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / cfg.rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			all.Go(func() {
				life, cancel := context.WithTimeout(context.WithoutCancel(ctx), lifeWithin)
				defer cancel()
				l.live(life)
			})
		}
	}
}

// disturb kills a worker or restarts Redis, in turns: three workers to one Redis.
func (l *load) disturb(ctx context.Context, every time.Duration) {
	for n := 1; until(ctx, 2*every, after(every)) == nil; n++ {
		p, sig, rest := l.w.victim, os.Kill, 2*time.Second
		if n%4 == 0 {
			p, sig, rest = l.w.redis, os.Interrupt, time.Second
		}
		p.end(sig)
		l.faults.Add(1)
		_ = until(context.WithoutCancel(ctx), 2*rest, after(rest)) // it is only a pause
		if err := p.start(); err != nil {
			l.broken.Add(1)
		}
	}
}

// live is what one caller does.
func (l *load) live(ctx context.Context) {
	switch p := rand.Float64(); {
	case p < 0.25:
		l.waitFor(ctx)
	case p < 0.45:
		l.watch(ctx)
	case p < 0.55:
		l.cancel(ctx)
	case p < 0.70:
		l.post(ctx, `,"callback_url":"`+l.w.hooks+`"`, "")
	case p < 0.78:
		l.batch(ctx)
	case p < 0.90:
		l.list(ctx)
	default:
		l.poll(ctx)
	}
}

// submission is a random job; more are further members, with a comma before each. Most
// pass the cache by, or few would be run.
func (l *load) submission(more string) string {
	in := l.inputs[rand.IntN(len(l.inputs))]
	cache := "bypass"
	if rand.IntN(5) == 0 {
		cache = "use"
	}
	return fmt.Sprintf(`{"agent":%q,"input":%s,"cache":%q,"metadata":{"source":"soak"}%s}`, in.agent, in.data, cache, more)
}

// job is what is read of a job.
type job struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func (j job) ended() bool {
	return j.State == "succeeded" || j.State == "failed" || j.State == "canceled"
}

// post submits a job; prefer is a value of that header.
func (l *load) post(ctx context.Context, more, prefer string) (j job) {
	if text := l.ask(ctx, http.MethodPost, "/jobs", l.submission(more), prefer); text != nil {
		_ = json.Unmarshal(text, &j) // one without an ID was not made
		if j.ID != "" {
			l.jobs.Add(1)
		}
		if j.ended() {
			l.ended.Add(1)
		}
	}
	return j
}

func (l *load) waitFor(ctx context.Context) { l.post(ctx, "", "wait=20") }

// watch reads a job's events until the last, or leaves in the middle.
func (l *load) watch(ctx context.Context) {
	j := l.post(ctx, "", "")
	if j.ID == "" {
		return
	}
	if rand.IntN(4) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(300*time.Millisecond))
		defer cancel()
	}
	if l.ask(ctx, http.MethodGet, "/jobs/"+j.ID+"/events", "", "") != nil {
		l.ended.Add(1)
	}
}

// cancel cancels a job soon after it was made.
func (l *load) cancel(ctx context.Context) {
	j := l.post(ctx, "", "")
	if j.ID != "" && until(ctx, time.Second, after(rand.N(200*time.Millisecond))) == nil {
		l.ask(ctx, http.MethodPost, "/jobs/"+j.ID+"/cancel", "", "")
	}
}

// batch submits five at once.
func (l *load) batch(ctx context.Context) {
	var all []string
	for range 5 {
		all = append(all, l.submission(""))
	}
	if l.ask(ctx, http.MethodPost, "/jobs/batch", `{"jobs":[`+strings.Join(all, ",")+`]}`, "") != nil {
		l.jobs.Add(int64(len(all)))
	}
}

// list asks for lists of several kinds.
func (l *load) list(ctx context.Context) {
	for _, query := range []string{"", "?state=queued&limit=20", "?agent=A02&limit=5", "?degraded=true"} {
		l.ask(ctx, http.MethodGet, "/jobs"+query, "", "")
	}
	l.ask(ctx, http.MethodGet, "/health", "", "")
}

// poll asks for a job until it has ended.
func (l *load) poll(ctx context.Context) {
	j := l.post(ctx, "", "")
	for j.ID != "" && !j.ended() && until(ctx, time.Second, after(500*time.Millisecond)) == nil {
		if text := l.ask(ctx, http.MethodGet, "/jobs/"+j.ID, "", ""); text != nil {
			_ = json.Unmarshal(text, &j) // then it is asked for again
			if j.ended() {
				l.ended.Add(1)
			}
		}
	}
}

// ask makes a request, and returns the body of an answer that grants it. While a
// fault lasts others are expected.
func (l *load) ask(ctx context.Context, method, path, body, prefer string) []byte {
	l.asked.Add(1)
	r, err := http.NewRequestWithContext(ctx, method, l.w.api+path, bytes.NewReader([]byte(body)))
	if err != nil {
		l.broken.Add(1)
		return nil
	}
	r.Header.Set("Authorization", "Bearer "+l.w.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if prefer != "" {
		r.Header.Set("Prefer", prefer)
	}
	resp, err := l.http.Do(r)
	if err == nil {
		defer func() { _ = resp.Body.Close() }() // it was read
		body, readErr := io.ReadAll(resp.Body)
		if err = readErr; err == nil && resp.StatusCode < http.StatusMultipleChoices {
			return body
		}
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		l.broken.Add(1)
	} else {
		l.refused.Add(1)
	}
	return nil
}

// summary tells what was done so far.
func (l *load) summary() string {
	return fmt.Sprintf("%d requests, %d of them refused or left and %d broken off; %d jobs, %d seen to end; %d faults",
		l.asked.Load(), l.refused.Load(), l.broken.Load(), l.jobs.Load(), l.ended.Load(), l.faults.Load())
}
