package webhook

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

type decoded struct {
	Type      tasks.EventType `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Truncated *bool           `json:"truncated"`
	Data      tasks.Job       `json:"data"`
}

func decode(t *testing.T, body []byte) decoded {
	t.Helper()
	var d decoded
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPayloadHoldsTheJob(t *testing.T) {
	job, notice := endedJob("https://hooks.example.com/")
	notice.At = ended.In(time.FixedZone("CST", 8*3600))
	body, err := Payload(notice, job)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(body), `{"type":"job.succeeded","timestamp":"2026-11-21T09:30:00Z","data":{"id":"job_`) {
		t.Errorf("got %s", body)
	}
	got := decode(t, body)
	if got.Truncated != nil || string(got.Data.Result) != string(job.Result) || got.Data.ID != job.ID {
		t.Errorf("got %s", body)
	}
}

func TestPayloadLeavesOutALargeResult(t *testing.T) {
	job, notice := endedJob("https://hooks.example.com/")
	job.Result = []byte(`{"text":"` + strings.Repeat("商", maxPayload/3) + `"}`)
	body, err := Payload(notice, job)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, body)
	if got.Truncated == nil || !*got.Truncated || got.Data.Result != nil {
		t.Errorf("got %s", body)
	}
	if len(body) > maxPayload {
		t.Errorf("%d bytes", len(body))
	}
	if job.Result == nil {
		t.Error("the caller's job was changed")
	}
}

func TestPayloadRefusesABrokenResult(t *testing.T) {
	job, notice := endedJob("https://hooks.example.com/")
	job.Result = []byte(`{"score":`)
	if _, err := Payload(notice, job); err == nil {
		t.Error("want an error")
	}
}

func TestEventID(t *testing.T) {
	got := EventID("job_0193a1b2c3d4e5f60718293a4b5c6d7e", 12)
	if want := "evt_0193a1b2c3d4e5f60718293a4b5c6d7e_12"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if id := EventID(tasks.NewID(), 1); strings.Contains(id, ".") {
		t.Errorf("%s holds a dot, which separates the signed parts", id)
	}
}

func decodeNote(t testing.TB, body []byte) note {
	t.Helper()
	var n note
	if err := json.Unmarshal(body, &n); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return n
}

// A webhook holds what its receiver may see: nothing of the installation, and to
// an endpoint no callback URL, which is another receiver's.
func TestAPayloadHoldsWhatItsReceiverMaySee(t *testing.T) {
	job, notice := endedJob("https://other.example.com/hook?token=hush")
	job.Attempts = []tasks.Attempt{{Number: 1, Worker: "studio-4711-x7k2mq", Outcome: "quota_dead", Message: "10.0.0.5 has no money"}}
	for endpoint, shown := range map[string]bool{"": true, "ep_1": false} {
		notice.Endpoint = endpoint
		body, err := Payload(notice, job)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"studio-4711", "quota_dead", "10.0.0.5"} {
			if bytes.Contains(body, []byte(secret)) {
				t.Errorf("to %q it tells %q: %s", endpoint, secret, body)
			}
		}
		if got := bytes.Contains(body, []byte("hush")); got != shown {
			t.Errorf("to %q it tells the callback URL is %v, want %v", endpoint, got, shown)
		}
	}
	if job.CallbackURL == "" {
		t.Error("the job itself was changed")
	}
}
