package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		status HealthStatus
		want   int
	}{
		{HealthOK, 200},
		{HealthDegraded, 200},
		{HealthUnavailable, 503},
	} {
		t.Run(string(c.status), func(t *testing.T) {
			deps := newMemory().deps()
			deps.Health = func(context.Context) Health {
				return Health{
					Status: c.status,
					Redis:  RedisHealth{Status: c.status, Detail: "slow"},
					Queues: []QueueHealth{{Name: "local.high", Status: c.status, Waiting: 3, OldestSeconds: 1.5}},
					Lanes:  []LaneHealth{{Lane: tasks.Local, Status: c.status, Workers: 1, Slots: 1, Models: []string{"ollama/x"}}, {Lane: tasks.Cloud, Status: c.status}},
				}
			}
			w := do(t, newAPI(t, Config{}, deps), "GET", "/health", "")
			if got := decode[Health](t, w); w.Code != c.want || got.Status != c.status || got.Queues[0].Waiting != 3 {
				t.Errorf("got %d %+v", w.Code, got)
			}
		})
	}
}

func TestHealthCheckHasLimitedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deps := newMemory().deps()
		deps.Health = func(ctx context.Context) Health {
			<-ctx.Done()
			return Health{Status: HealthUnavailable, Redis: RedisHealth{Status: HealthUnavailable}}
		}
		start := time.Now()
		w := do(t, newAPI(t, Config{}, deps), "GET", "/health", "")
		if w.Code != 503 || time.Since(start) != 10*time.Second {
			t.Errorf("got %d after %v, want 503 after 10s", w.Code, time.Since(start))
		}
	})
}
