//go:build unix

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// traffic is the clients' side: every job has a life, in a goroutine of its
// own, in which its client posts and follows it.
type traffic struct {
	w      *world
	client *client

	lives  sync.WaitGroup
	posts  sync.WaitGroup // lives that have yet to post their job
	cancel context.CancelFunc
}

func newTraffic(w *world) *traffic { return &traffic{w: w, client: newClient(w.apiURLs, w.key)} }

// begin starts the lives, spread over the span.
func (t *traffic) begin(ctx context.Context) {
	ctx, t.cancel = context.WithCancel(ctx)
	slots := make(chan struct{}, t.w.cfg.clients)
	t.posts.Add(t.w.cfg.jobs)
	t.lives.Go(func() {
		began := time.Now()
		for n := 1; n <= t.w.cfg.jobs; n++ {
			at := share(float64(n)/float64(t.w.cfg.jobs), t.w.cfg.span)
			sleep(ctx, time.Until(began.Add(at)))
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				t.posts.Add(n - t.w.cfg.jobs - 1)
				return
			}
			t.lives.Go(func() {
				defer func() { <-slots }()
				t.live(ctx, n)
			})
		}
	})
}

// posted waits until every life has posted its job, or given up.
func (t *traffic) posted() { t.posts.Wait() }

// end ends all lives.
func (t *traffic) end() {
	t.cancel()
	t.lives.Wait()
	t.client.http.CloseIdleConnections()
}

// live posts the nth job and follows it as planned.
func (t *traffic) live(ctx context.Context, n int) {
	p := planLife(t.w.cfg, n, t.w.features)
	l := &life{traffic: t, plan: p, job: marker(n)}
	t.w.log.Begin(&history.Job{Marker: l.job, Plan: p.String(), LocalOnly: p.localOnly, Callback: p.callback})
	id := l.post(ctx)
	t.posts.Done()
	if id == "" {
		return
	}
	switch p.behavior {
	case follow:
		l.follow(ctx, id)
	case cancel:
		sleep(ctx, p.cancelAfter)
		l.cancel(ctx, id)
		l.poll(ctx, id)
	case forget:
		return
	default:
		l.poll(ctx, id)
	}
	if p.retry {
		l.retry(ctx, id)
	}
	if p.rereadAfter > 0 { // what was reported once must still be so
		sleep(ctx, p.rereadAfter)
		l.get(ctx, id, 0)
	}
}

// life is one job and the client who wants it.
type life struct {
	*traffic
	plan lifePlan
	job  string
}

// note adds to what is known of the job.
func (l *life) note(change func(*history.Job)) { l.w.log.Job(l.job, change) }

// postFor is how long a client tries to have its job accepted.
const postFor = 90 * time.Second

// post asks for the job until an API accepts it, and returns its ID, "" if none
// did.
func (l *life) post(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, postFor)
	defer cancel()
	var deadline time.Time
	if l.plan.deadline > 0 {
		deadline = time.Now().Add(l.plan.deadline).UTC().Truncate(time.Second)
		l.note(func(j *history.Job) { j.Deadline = deadline })
	}
	body, header := l.submission(deadline)
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, time.Second) {
		var twin sync.WaitGroup
		if l.plan.duplicate {
			twin.Go(func() { l.postOnce(ctx, body, header) })
		}
		answer := l.postOnce(ctx, body, header)
		twin.Wait()
		if answer.OK() {
			return answer.ID
		}
		if answer.Status == http.StatusBadRequest {
			return "" // its deadline has passed; else the history shows it
		}
		sleep(ctx, wait)
	}
	return ""
}

func (l *life) postOnce(ctx context.Context, body []byte, header map[string]string) history.Request {
	answer := l.client.ask(ctx, "POST", "/jobs", body, header, answerWithin)
	l.note(func(j *history.Job) { j.Submits = append(j.Submits, answer) })
	return answer
}

// submission returns what the client posts.
func (l *life) submission(deadline time.Time) (body []byte, header map[string]string) {
	post := map[string]any{
		"agent":        l.plan.agent,
		"input":        map[string]any{"customer": "Chaos GmbH", "as_of": "2026-03-12", "notes": l.job},
		"complexity":   l.plan.complexity,
		"on_exhausted": l.plan.onExhausted,
		"metadata":     map[string]string{"chaos": l.job},
	}
	if l.plan.localOnly {
		post["privacy"] = "local_only"
	}
	if !deadline.IsZero() {
		post["deadline"] = deadline.Format(time.RFC3339)
	}
	if l.plan.callback {
		post["callback_url"] = l.w.hooks + "/" + l.job
	}
	body, err := json.Marshal(post)
	if err != nil {
		panic(err) // strings and numbers only
	}
	if l.w.features.Idempotency {
		header = map[string]string{"Idempotency-Key": l.job}
	}
	return body, header
}

// get reads the job once, and waits for its end for as many seconds as given.
func (l *life) get(ctx context.Context, id string, wait int) history.Request {
	var header map[string]string
	if wait > 0 {
		header = map[string]string{"Prefer": preferWait(wait)}
	}
	answer := l.client.ask(ctx, "GET", "/jobs/"+id, nil, header, answerWithin+time.Duration(wait)*time.Second)
	if ctx.Err() == nil {
		l.note(func(j *history.Job) {
			if answer.ID == "" {
				answer.ID = id
			}
			j.Reads = append(j.Reads, answer)
		})
	}
	return answer
}

// poll reads the job until it has ended.
func (l *life) poll(ctx context.Context, id string) {
	for ctx.Err() == nil {
		answer := l.get(ctx, id, l.plan.wait)
		if answer.State.Terminal() || answer.Status == 404 {
			return
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// cancel cancels the job, until it is canceled or turns out to have ended.
func (l *life) cancel(ctx context.Context, id string) {
	l.insist(ctx, "/jobs/"+id+"/cancel", func(j *history.Job, r history.Request) {
		r.ID = id
		j.Cancels = append(j.Cancels, r)
	})
}

// retry has a failed or canceled job run again, and waits for its end.
func (l *life) retry(ctx context.Context, id string) {
	if s := l.get(ctx, id, 0).State; s != "failed" && s != "canceled" {
		return
	}
	l.insist(ctx, "/jobs/"+id+"/retry", func(j *history.Job, r history.Request) {
		r.ID = id
		j.Retries = append(j.Retries, r)
	})
	l.poll(ctx, id)
}

// insist posts to path until there is an answer that decides.
func (l *life) insist(ctx context.Context, path string, note func(*history.Job, history.Request)) {
	for ctx.Err() == nil {
		answer := l.client.ask(ctx, "POST", path, nil, nil, answerWithin)
		l.note(func(j *history.Job) { note(j, answer) })
		if answer.Status != 0 && answer.Status/100 != 5 {
			return
		}
		sleep(ctx, 200*time.Millisecond)
	}
}
