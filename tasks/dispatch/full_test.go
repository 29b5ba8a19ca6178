package dispatch

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// A machine above its limits still serves its lane, but takes nothing now.
func TestJobsSpillAtOnceWhileEveryMachineIsFull(t *testing.T) {
	for _, test := range []struct {
		name string
		full []bool // by local worker
		want []string
	}{
		{"one is full, one is not", []bool{true, false}, []string{"local.medium now"}},
		{"all are full", []bool{true, true}, []string{"cloud.medium now", "local.medium now"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			s := newSystem(t, rdb, rdb, anyURL)
			s.beat(t, tasks.Cloud)
			for i, full := range test.full {
				w := &tasks.Worker{ID: string(rune('a' + i)), Host: &tasks.Host{CPU: 0.9, Full: full}}
				w.Serves = []tasks.LaneService{{Lane: tasks.Local, Queues: queue.Names(tasks.Local), Slots: 1}}
				if err := s.store.Beat(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
			j, _, err := s.Submit(t.Context(), "acme", &tasks.Submission{Agent: open, Input: json.RawMessage(`{"kind":"good"}`)})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := tickets(t, rdb); !slices.Equal(got, test.want) {
				t.Errorf("tickets: got %v, want %v (%+v)", got, test.want, j.Plan)
			}
		})
	}
}
