package webhook

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// known is a store of jobs by their IDs.
type known map[string]*tasks.Job

func (k known) Job(_ context.Context, _, id string) (*tasks.Job, error) { return k[id], nil }

// hangingReceiver returns the URL of a receiver that never answers: the kernel
// takes its connections, and nobody asks for them.
func hangingReceiver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// Five hundred webhooks of one tenant are queued for fifty receivers that hang for
// as long as the test lasts. The other tenant's, queued behind them, all come.
func TestReceiversThatHangDelayNoOtherTenant(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		const hanging, each, well = 50, 10, 100
		came := make(chan string, 2*well)
		good := receiver(t, func(_ http.ResponseWriter, r *http.Request) { came <- r.Header.Get(headerID) })

		jobs, client := known{}, queue.NewClient(rdb)
		notify := func(tenant, id, url string) {
			job := &tasks.Job{ID: id, Tenant: tenant, State: tasks.Succeeded, CallbackURL: url}
			jobs[id] = job
			n := queue.Notice{ID: EventID(id, 1), Tenant: tenant, JobID: id, Type: tasks.EventSucceeded, Sequence: 1, At: ended}
			if err := client.EnqueueWebhook(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		for host := range hanging {
			url := hangingReceiver(t)
			for n := range each {
				notify("hung", fmt.Sprintf("job_hung_%d_%d", host, n), url)
			}
		}
		for n := range well {
			notify("well", fmt.Sprintf("job_well_%d", n), good)
		}

		sender := newSender(t, func(c *Config) {
			c.AtOnce = 64 // the hung alone could use them six times over
			c.Timeouts = Timeouts{Header: time.Hour, Total: time.Hour}
		})
		handler := NewHandler(jobs, nobody{}, client, sender, quiet)
		server, err := queue.Serve(rdb, queue.ServerConfig{Queues: []string{queue.Webhooks}, Slots: 128, Drain: time.Millisecond}, queue.Handlers{Notice: handler.Handle}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Shutdown()
		upkeep, err := queue.Maintain(rdb, quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer upkeep.Shutdown()
		seen := map[string]bool{}
		for patience := time.After(time.Minute); len(seen) < well; {
			select {
			case id := <-came:
				seen[id] = true
			case <-patience:
				t.Fatalf("%d of %d came", len(seen), well)
			}
		}
	})
}
