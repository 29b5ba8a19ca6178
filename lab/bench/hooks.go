//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// hooks has a worker deliver webhooks that wait for it to one receiver, which
// answers at once.
func hooks(ctx context.Context, cfg config) ([]row, error) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])
	w, err := open(ctx, cfg, "SPILLWAY_WEBHOOK_SECRET="+secret, "SPILLWAY_WEBHOOK_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer w.close()
	r := &receiver{want: int64(cfg.hooks), all: make(chan struct{})}
	url, err := w.serve(r)
	if err != nil {
		return nil, err
	}
	if err := w.ended(cfg.hooks, url); err != nil {
		return nil, err
	}
	if err := w.work(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*patience, errPatience)
	defer cancel()
	select {
	case <-r.all:
	case <-ctx.Done():
		return nil, fmt.Errorf("%d of %d webhooks came: %w", r.came.Load(), r.want, context.Cause(ctx))
	}
	rate := float64(r.want) / time.Since(r.began).Seconds()
	return []row{{what: fmt.Sprintf("webhooks to one receiver, %s waiting", count(cfg.hooks)), figure: perSecond(rate)}}, nil
}

// ended makes n jobs that the scorecard answers at once, so that each has a
// webhook to send.
func (w *world) ended(n int, url string) error {
	var made atomic.Int64
	for made.Load() < int64(n) {
		_, err := w.calling(callers, 100*time.Millisecond, func(c *caller) error {
			if made.Add(1) > int64(n) {
				return nil
			}
			j, err := c.job("POST /jobs", w.key, once(), opportunity(uuid.NewString(), `,"fast_path":true,"callback_url":"`+url+`"`))
			if err == nil && j.State != "succeeded" {
				err = fmt.Errorf("a clear case has %s", j.State)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// receiver counts webhooks.
type receiver struct {
	want  int64
	came  atomic.Int64
	first sync.Once
	began time.Time     // when the first came
	all   chan struct{} // closed when all have come
}

// ServeHTTP takes one webhook.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.first.Do(func() { r.began = time.Now() })
	_, _ = io.Copy(io.Discard, req.Body) // it only counts
	w.WriteHeader(http.StatusNoContent)
	if r.came.Add(1) == r.want {
		close(r.all)
	}
}
