package queue

import (
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

// Enqueue issues what was lost, and nothing else.
func TestEnqueueIssuesWhatWasLost(t *testing.T) {
	inAnHour := time.Now().Add(time.Hour)
	tests := []struct {
		name string
		at   time.Time
		lose func(*testing.T, *redis.Client, string)
		want Depth
	}{
		{"a ticket that waits is there", time.Time{}, func(*testing.T, *redis.Client, string) {}, Depth{Waiting: 1}},
		{"a ticket that is not due is there", inAnHour, func(*testing.T, *redis.Client, string) {}, Depth{Later: 1}},
		{"a list was lost", time.Time{}, func(t *testing.T, rdb *redis.Client, _ string) { do(t, rdb, "DEL", high.pending()) }, Depth{Waiting: 1}},
		{"a schedule was lost", inAnHour, func(t *testing.T, rdb *redis.Client, _ string) { do(t, rdb, "DEL", high.scheduled()) }, Depth{Later: 1}},
		{"the task was lost", time.Time{}, func(t *testing.T, rdb *redis.Client, id string) { do(t, rdb, "DEL", high.task(id), high.pending()) }, Depth{Waiting: 1}},
		{"it was put aside", time.Time{}, func(t *testing.T, rdb *redis.Client, id string) {
			if err := asynq.NewInspectorFromRedisClient(rdb).ArchiveTask("local.high", id); err != nil {
				t.Fatal(err)
			}
		}, Depth{Waiting: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
				c := NewClient(rdb)
				for range 2 {
					if err := c.Enqueue(t.Context(), highTicket("j1"), tt.at); err != nil {
						t.Fatalf("enqueue: %v", err)
					}
				}
				tt.lose(t, rdb, highTicket("j1").taskID(!tt.at.IsZero()))
				if err := c.Enqueue(t.Context(), highTicket("j1"), tt.at); err != nil {
					t.Fatalf("enqueue: %v", err)
				}
				tt.want.Queue = "local.high"
				awaitDepth(t, rdb, tt.want)
			})
		})
	}
}

func TestEnqueueLeavesATicketInHandAlone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		_, release := held(t, rdb)
		if err := NewClient(rdb).Enqueue(t.Context(), highTicket("held"), time.Time{}); err != nil {
			t.Fatalf("enqueue: %v", err)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Taken: 1})
		release()
		awaitDepth(t, rdb, Depth{Queue: "local.high"})
	})
}

// A worker that died between taking a ticket and claiming its job renews no
// lease; its ticket is issued anew.
func TestEnqueueReplacesATicketInDeadHands(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		id, release := held(t, rdb)
		lease := keysOf("local.high").lease()
		ends := time.Now().Add(asynqLease - deadAfter - 2*time.Second).Unix()
		if err := rdb.ZAdd(t.Context(), lease, redis.Z{Score: float64(ends), Member: id}).Err(); err != nil {
			t.Fatalf("age the lease: %v", err)
		}
		if err := NewClient(rdb).Enqueue(t.Context(), highTicket("held"), time.Time{}); err != nil {
			t.Fatalf("enqueue: %v", err)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high", Waiting: 1})
		release()
	})
}
