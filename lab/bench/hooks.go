//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	// hookProfile is how long webhooks are profiled, if that is wanted.
	hookProfile = 5 * time.Second
	// hanging is how many receivers of one tenant do not answer.
	hanging = 50
)

// hooks has a worker deliver webhooks: first those that wait for it to one
// receiver, which answers at once; then one by one, while receivers of another
// tenant hang.
func hooks(ctx context.Context, cfg config) ([]row, error) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])
	w, err := open(ctx, cfg, "SPILLWAY_WEBHOOK_SECRET="+secret, "SPILLWAY_WEBHOOK_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer w.close()
	r := &receiver{want: int64(cfg.hooks), all: make(chan struct{}), each: make(chan struct{}, 1)}
	url, err := w.serve(r)
	if err != nil {
		return nil, err
	}
	rush, err := w.rush(ctx, r, url)
	if err != nil {
		return nil, err
	}
	beside, err := w.besideHanging(ctx, r, url)
	return []row{rush, beside}, err
}

// rush measures how fast webhooks come that wait for a worker.
func (w *world) rush(ctx context.Context, r *receiver, url string) (row, error) {
	if err := w.ended(w.cfg.hooks, w.key, func(int) string { return url }); err != nil {
		return row{}, err
	}
	if err := w.work(ctx); err != nil {
		return row{}, err
	}
	done, profiled := w.meter(), w.profileAll(ctx, "hooks", hookProfile)
	ctx, cancel := context.WithTimeoutCause(ctx, 2*patience, errPatience)
	defer cancel()
	select {
	case <-r.all:
	case <-ctx.Done():
		return row{}, fmt.Errorf("%d of %d webhooks came: %w", r.came.Load(), r.want, context.Cause(ctx))
	}
	rate := float64(r.want) / time.Since(r.began).Seconds()
	spent := work{spent: done(w.cfg.hooks)}
	profiled()
	return row{
		what:   fmt.Sprintf("webhooks to one receiver, %s waiting", count(w.cfg.hooks)),
		figure: perSecond(rate) + "; " + spent.spending(), goal: "≥ 800/s", met: rate >= 800,
	}, nil
}

// besideHanging measures how long after a job's end its webhook comes while
// receivers of another tenant hang, for each of which webhooks wait.
func (w *world) besideHanging(ctx context.Context, r *receiver, url string) (row, error) {
	key, err := w.keyOf(ctx, "hung", "none")
	if err != nil {
		return row{}, err
	}
	urls := make([]string, hanging)
	for i := range urls {
		// The kernel takes connections for a listener that does not accept any.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return row{}, fmt.Errorf("listen: %w", err)
		}
		defer func() { _ = l.Close() }() // none was served
		urls[i] = "http://" + l.Addr().String()
	}
	if err := w.ended(w.cfg.hooks, key, func(n int) string { return urls[n%hanging] }); err != nil {
		return row{}, err
	}
	c, err := w.call()
	if err != nil {
		return row{}, err
	}
	defer c.close()
	ctx, cancel := context.WithTimeoutCause(ctx, 2*patience, errPatience)
	defer cancel()
	var took times
	for range w.cfg.posts {
		if _, err := c.job("POST /jobs", w.key, once(), clearCase(url)); err != nil {
			return row{}, err
		}
		ended := time.Now()
		select {
		case <-r.each:
			took = append(took, time.Since(ended))
		case <-ctx.Done():
			return row{}, fmt.Errorf("webhook %d did not come: %w", len(took)+1, context.Cause(ctx))
		}
	}
	return row{
		what:   fmt.Sprintf("one webhook at a time while %s of another tenant wait for %d receivers that hang", count(w.cfg.hooks), hanging),
		figure: "p50 " + ms(took.at(0.5)) + ", p99 " + ms(took.at(0.99)),
	}, nil
}

// clearCase is a submission that the scorecard answers at once.
func clearCase(callback string) string {
	return opportunity(uuid.NewString(), `,"fast_path":true,"callback_url":"`+callback+`"`)
}

// ended makes n jobs that end at once, so that each has a webhook to send.
func (w *world) ended(n int, key string, callback func(n int) string) error {
	var made atomic.Int64
	for made.Load() < int64(n) {
		_, err := w.calling(callers, 100*time.Millisecond, func(c *caller) error {
			number := made.Add(1)
			if number > int64(n) {
				return nil
			}
			j, err := c.job("POST /jobs", key, once(), clearCase(callback(int(number))))
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
	each  chan struct{} // gets one for each that comes after them
}

// ServeHTTP takes one webhook.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.first.Do(func() { r.began = time.Now() })
	_, _ = io.Copy(io.Discard, req.Body) // it only counts
	w.WriteHeader(http.StatusNoContent)
	switch n := r.came.Add(1); {
	case n == r.want:
		close(r.all)
	case n > r.want:
		r.each <- struct{}{}
	}
}
