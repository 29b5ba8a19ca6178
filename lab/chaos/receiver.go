//go:build unix

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/tasks"
)

// receiver takes webhooks as a careful receiver would: it checks signatures,
// and notes every one that comes. At times it fails.
type receiver struct {
	w        *world
	verifier *standardwebhooks.Webhook

	mu   sync.Mutex
	seen map[string]int // webhooks by ID
}

// openReceiver starts the receiver of webhooks.
func (w *world) openReceiver() error {
	v, err := standardwebhooks.NewWebhook(w.secret)
	if err != nil {
		return err
	}
	w.hooks, err = w.serve(&receiver{w: w, verifier: v, seen: map[string]int{}})
	return err
}

// ServeHTTP takes one webhook. The job's marker is the path.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxAnswer))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d := history.Delivery{At: time.Now(), ID: req.Header.Get("webhook-id"), Marker: req.URL.Path[1:]}
	if err := r.verifier.Verify(body, req.Header); err != nil {
		d.Fault = "signature: " + err.Error()
	}
	var payload struct {
		Type tasks.EventType `json:"type"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &payload); err != nil {
		d.Fault = "body: " + err.Error()
	}
	d.Type, d.JobID = payload.Type, payload.Data.ID
	d.Answered = r.answer(d)
	if !r.w.log.Job(d.Marker, func(j *history.Job) { j.Webhooks = append(j.Webhooks, d) }) {
		r.w.log.Change(func(h *history.History) { h.Strays = append(h.Strays, d) })
	}
	w.WriteHeader(d.Answered)
}

// answer fails one in eight webhooks the first time it comes. Not more: the
// third try comes after five minutes.
func (r *receiver) answer(d history.Delivery) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[d.ID]++
	if r.seen[d.ID] == 1 && r.w.cfg.draw(drawHooks, numberOf(d.Marker)).IntN(8) == 0 {
		return http.StatusInternalServerError
	}
	return http.StatusNoContent
}
