package worker

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestTheLogTellsTheAnswerAsItGrows(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb)
		told := make(chan bool)
		pieces := []string{`{"sc`, `ore"`, `:`, ` `, `7}`}
		w.local.Does(providertest.Sequence(providertest.Answer(nonsense), func(_ context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
			for i, text := range pieces {
				onDelta(providers.Delta{Text: text})
				if i == 1 {
					<-told
				}
			}
			return &providers.Response{Text: `{"score": 7}`}, nil
		}))
		w.start(t, localLane)
		j := w.submit(t)
		w.await(t, j.ID, func(e tasks.Event) bool { return e.Type == tasks.EventDelta && deltaText(t, e) == `{"score"` })
		close(told)
		w.end(t, j.ID)

		events, err := w.store.Events(t.Context(), j.ID, 0, 1000)
		if err != nil {
			t.Fatalf("events: %v", err)
		}
		var calls []string // what each call wrote; the last one is still open
		text := ""
		for _, e := range events {
			switch e.Type {
			case tasks.EventDelta:
				text += deltaText(t, e)
			case tasks.EventProgress:
				calls, text = append(calls, text), ""
			}
		}
		if len(calls) != 2 || calls[0] != nonsense || calls[1] != `{"score": 7}` || text != "" {
			t.Errorf("each call, as told before its end: got %q, and after the last %q", calls, text)
		}
	})
}

func deltaText(t *testing.T, e tasks.Event) string {
	t.Helper()
	var d struct{ Text string }
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatalf("delta %s: %v", e.Data, err)
	}
	return d.Text
}
