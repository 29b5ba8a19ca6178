package queue

import (
	"errors"
	"testing"
)

// A task that cannot be read is given up, not tried again.
func FuzzTask(f *testing.F) {
	for _, seed := range []string{`{"job_id":"job_1"}`, `{"id":"evt_1","endpoint":"ep_1"}`, "null", "[]", "\xff"} {
		f.Add([]byte(seed), "asynq:{local.medium}:t:"+seed)
	}
	f.Fuzz(func(t *testing.T, payload []byte, key string) {
		if _, err := decode[Notice](payload); err != nil && !errors.Is(err, ErrGivenUp) {
			t.Error(err)
		}
		if _, err := decode[Ticket](payload); err != nil && !errors.Is(err, ErrGivenUp) {
			t.Error(err)
		}
		_, _, _ = parseTask(key)
	})
}
