package api

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// trimmed keeps of each log what begins with the event of a number.
type trimmed struct {
	Events
	first int64
}

func (e trimmed) Since(ctx context.Context, id string, after, limit int64) ([]tasks.Event, bool, error) {
	return e.Events.Since(ctx, id, max(after, e.first-1), limit)
}

func TestASnapshotStandsForEventsThatAreNotKept(t *testing.T) {
	m := newMemory()
	deps := m.deps()
	deps.Events = trimmed{m, 4}
	h := newAPI(t, Config{}, deps)
	job := m.submitted(t)
	m.becomes(job.ID, tasks.Running)
	m.tell(job.ID, tasks.EventDelta, `{"text":"a"}`)
	m.tell(job.ID, tasks.EventDelta, `{"text":"b"}`)
	m.becomes(job.ID, tasks.Succeeded)

	for after, want := range map[string][]int64{"0": {3, 4, 5}, "2": {3, 4, 5}, "3": {4, 5}, "4": {5}} {
		s, stop := follow(t, h, "/jobs/"+job.ID+"/events", "Last-Event-ID", after)
		<-s.status
		first, _ := s.next(t)
		got := append([]int64{first.Sequence}, s.rest(t)...)
		stop()
		if !slices.Equal(got, want) {
			t.Errorf("after %s: got %v, want %v", after, got, want)
		}
		if (first.Type == tasks.EventSnapshot) != (want[0] == 3) {
			t.Errorf("after %s: the first is %s", after, first.Type)
		}
		var data struct{ Job tasks.Job }
		if first.Type == tasks.EventSnapshot && (json.Unmarshal(first.Data, &data) != nil || data.Job.ID != job.ID || data.Job.State != tasks.Succeeded) {
			t.Errorf("after %s: the snapshot is %s", after, first.Data)
		}
	}
}
