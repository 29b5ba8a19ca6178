package dispatch

import (
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestAJobIsRunAgain(t *testing.T) {
	rdb := redistest.Embedded(t)
	s := newSystem(t, rdb, rdb, anyURL)
	s.beat(t, tasks.Local, tasks.Scorecard)
	wanted := valid(open)
	wanted.Priority, wanted.Metadata, wanted.CallbackURL = tasks.PriorityHigh, map[string]string{"row": "7"}, "https://crm.example.com/hook"
	old := submit(t, s, wanted)
	if _, _, err := s.Rerun(t.Context(), "acme", old.ID); tasks.CodeOf(err) != tasks.CodeConflict {
		t.Errorf("one that has not ended: %v", err)
	}
	if _, err := s.store.Cancel(t.Context(), "acme", old.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Rerun(t.Context(), "other", old.ID); tasks.CodeOf(err) != tasks.CodeNotFound {
		t.Errorf("another tenant's: %v", err)
	}
	j, replayed, err := s.Rerun(t.Context(), "acme", old.ID)
	if err != nil || replayed {
		t.Fatalf("got %v, replayed %v", err, replayed)
	}
	stored, err := s.Find(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.RerunOf != old.ID || stored.ID == old.ID || stored.State != tasks.Queued || stored.Cache != tasks.CacheBypassed ||
		stored.Priority != old.Priority || stored.Metadata["row"] != "7" || stored.CallbackURL != old.CallbackURL || stored.Waiting.Position != 1 {
		t.Errorf("got %+v", stored)
	}
	input, err := s.store.Input(t.Context(), j.ID)
	if err != nil || string(input) != string(wanted.Input) {
		t.Errorf("its input is %s, %v", input, err)
	}
	again, replayed, err := s.Rerun(t.Context(), "acme", old.ID)
	if err != nil || !replayed || again.ID != j.ID {
		t.Errorf("once more: got %+v, replayed %v, %v", again, replayed, err)
	}
}
