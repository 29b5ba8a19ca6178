package health

import (
	"testing"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

func TestTheLoadOfALane(t *testing.T) {
	worker := func(running int, full bool) tasks.Worker {
		return tasks.Worker{
			Host:   &tasks.Host{Full: full},
			Serves: []tasks.LaneService{{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 2, Running: running}},
		}
	}
	waiting := []queue.Depth{{Queue: "local.high", Waiting: 3}, {Queue: "local.low", Waiting: 1, Later: 7}, {Queue: "cloud.high", Waiting: 9}}
	for _, c := range []struct {
		name    string
		workers []tasks.Worker
		depths  []queue.Depth
		load    float64
		full    int
	}{
		{"nobody", nil, waiting, 0, 0},
		{"idle", []tasks.Worker{worker(0, false)}, nil, 0, 0},
		{"half", []tasks.Worker{worker(1, false)}, nil, 0.5, 0},
		{"more waits than can run", []tasks.Worker{worker(2, false), worker(1, true)}, waiting, 1.75, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if h := OfLane(tasks.Local, c.workers, c.depths); h.Load != c.load || h.Full != c.full || (h.Full > 0) != (h.Detail != "" && h.Workers > 0) {
				t.Errorf("got %+v, want load %v and %d full", h, c.load, c.full)
			}
		})
	}
}
