package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// occupy takes a slot for the caller, and counts it in g until leave. Without
// authentication there is one tenant, and it may have all slots.
func (s *server) acquireSlot(ctx context.Context, g prometheus.Gauge) (leave func(), err error) {
	p := access.From(ctx)
	free, err := s.slots.acquire(p.Tenant, p.Method == access.ByNobody)
	if err != nil {
		return nil, err
	}
	g.Inc()
	return func() { g.Dec(); free() }, nil
}

// until returns a context that ends with ctx, with the service, or with the caller's
// credential.
func (s *server) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := s.cfg.Guard.WatchCredential(ctx)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// await returns the job as it is when it has ended or limit is over, and
// whether the wait was granted. A job that is retried meanwhile has not ended.
// No wait is granted without a slot: a preference may be ignored, and a caller that
// is answered early asks again. await does not fail: a caller that was promised a
// job gets at least its last known state.
func (s *server) await(ctx context.Context, job *tasks.Job, limit time.Duration) (*tasks.Job, bool) {
	if limit <= 0 || job.State.Terminal() {
		return job, limit > 0
	}
	leave, err := s.acquireSlot(ctx, s.metrics.waits)
	if err != nil {
		return job, false
	}
	defer leave()
	waiting, cancel := s.until(ctx)
	defer cancel()
	waiting, cancelTimer := context.WithTimeout(waiting, limit)
	defer cancelTimer()
	for {
		ended := s.awaitEnd(waiting, job)
		now, err := s.jobs.Job(ctx, job.Tenant, job.ID)
		if err != nil {
			s.cfg.Log.WarnContext(ctx, "job could not be read after the wait; the caller gets its state before it", slog.String("job_id", job.ID), slog.Any("error", err))
			return job, true
		}
		if !ended || now.State.Terminal() {
			return now, true
		}
		job = now // it was retried meanwhile
	}
}

// awaitEnd returns true when the job has ended, and false when ctx has ended or the
// log of the job cannot be followed.
func (s *server) awaitEnd(ctx context.Context, job *tasks.Job) (ended bool) {
	err := s.events.AwaitEnd(ctx, job.ID)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "waiting for a job ended early", slog.String("job_id", job.ID), slog.Any("error", err))
	}
	return err == nil && ctx.Err() == nil
}
