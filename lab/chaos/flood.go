//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// The markers of the flooding tenant's jobs begin so.
const floodPrefix = "chaosflood-"

// floodBatch is how many jobs each batch of a flood has.
const floodBatch = 100

// flood is a tenant that posts more than it may, as fast as it can.
type flood struct {
	w      *world
	client *client
	next   atomic.Int64 // number of the last job
}

func newFlood(w *world) *flood { return &flood{w: w, client: newClient(w.apiURLs, w.floodKey)} }

// run posts batches until ctx ends or the time is over.
func (f *flood) run(ctx context.Context, duration time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	for ctx.Err() == nil {
		f.post(ctx)
	}
}

// post posts one batch, and notes what became of each of its jobs.
func (f *flood) post(ctx context.Context) {
	markers := make([]string, floodBatch)
	jobs := make([]map[string]any, floodBatch)
	for i := range jobs {
		markers[i] = floodPrefix + strconv.FormatInt(f.next.Add(1), 10)
		jobs[i] = map[string]any{
			"agent":           builtinAgent,
			"input":           map[string]any{"customer": "Flood GmbH", "as_of": "2026-03-12", "notes": markers[i]},
			"metadata":        map[string]string{"chaos": markers[i]},
			"idempotency_key": markers[i],
			"on_exhausted":    "degrade",
		}
	}
	body, err := json.Marshal(map[string]any{"jobs": jobs})
	if err != nil {
		panic(err) // strings only
	}
	answer, text := f.client.fetch(ctx, "POST", "/jobs/batch", body, nil, answerWithin)
	f.w.log.Change(func(h *history.History) { h.Floods = append(h.Floods, answer) })
	if !answer.OK() {
		return
	}
	var result struct {
		Outcomes []struct {
			Status  int
			Job     struct{ ID string }
			Problem struct{ Code, Detail string }
		}
	}
	if err := json.Unmarshal(text, &result); err != nil || len(result.Outcomes) != floodBatch {
		f.w.log.Change(func(h *history.History) {
			h.Floods = append(h.Floods, history.Request{At: answer.At, API: answer.API, Status: http.StatusInternalServerError, Err: fmt.Sprintf("a batch of %d got %d outcomes: %v", floodBatch, len(result.Outcomes), err)})
		})
		return
	}
	for i, o := range result.Outcomes {
		note := history.Request{At: answer.At, Took: answer.Took, API: answer.API, Status: o.Status, ID: o.Job.ID}
		if !note.OK() {
			note.Err, note.Later = strings.TrimSpace(o.Problem.Code+": "+o.Problem.Detail), answer.Later
			f.w.log.Change(func(h *history.History) { h.Floods = append(h.Floods, note) })
			continue
		}
		f.w.log.Begin(&history.Job{Marker: markers[i], Plan: "part of a flood", Flood: true, Submits: []history.Request{note}})
	}
}
