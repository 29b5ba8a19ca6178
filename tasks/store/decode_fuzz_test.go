package store

import (
	"encoding/json"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// What Redis holds may come from a newer version, or from a hand that slipped:
// it is read, or told to be unreadable, but ends no process.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"spec":"{\"id\":\"job_1\",\"lanes\":[\"local\"]}","state":"running","attempts":"{\"lane\":\"local\"}","place":"local.medium:1:2","exhausted":"local,cloud"}`,
		`{"spec":"null"}`, `{"spec":"[]"}`, `{"spec":"{}","error":"null","attempts":"]"}`, `{"spec":"{}","created":"99999999999999999999","retention":"-1","place":":"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h map[string]string
		if json.Unmarshal(text, &h) != nil {
			t.Skip()
		}
		if j, err := decode(h); err == nil && j.State != tasks.State(h["state"]) {
			t.Errorf("got %s", j.State)
		}
	})
}

func FuzzEntry(f *testing.F) {
	for _, seed := range []string{`{"type":"job.queued","at":"1"}`, "null", `{"job_id":"job_1","output":{}}`, "1-2", "-", ""} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(_ *testing.T, id, text string) {
		_, _ = decodeShared(text)
		_ = decodeEvents("job_1", []string{text})
		_ = decodeMessages("job_1", []redis.XMessage{{ID: id, Values: map[string]any{"type": text, "at": text, "data": text, "attempt": 1}}})
	})
}
