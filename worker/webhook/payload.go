package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// EventID returns the webhook-id of a job's event. It depends on nothing else,
// so making the webhook again, after a crash or for another try, gives
// it the same ID.
func EventID(jobID string, sequence int64) string {
	return "evt_" + strings.TrimPrefix(jobID, "job_") + "_" + strconv.FormatInt(sequence, 10)
}

// maxPayload is the length in bytes beyond which a payload goes without the
// job's result: Standard Webhooks asks for less than 20 kB.
const maxPayload = 20_000

// payload is the body of a webhook.
type payload struct {
	Type      tasks.EventType `json:"type"`
	Timestamp time.Time       `json:"timestamp"`           // of the event, not of the try
	Truncated bool            `json:"truncated,omitempty"` // data.result is left out: see GET /jobs/{id}
	Data      *tasks.Job      `json:"data"`
}

// Payload encodes the webhook for an event of the job. The data is
// the job as it stands now, as its tenant may see it: if somebody has retried it
// since the event, its state and sequence number are already those of the next
// run. An endpoint does not get the callback URL, which is another receiver's and
// may hold its token.
func Payload(n queue.Notice, job *tasks.Job) ([]byte, error) {
	job = job.Public()
	if n.Endpoint != "" {
		job.CallbackURL, job.CallbackEvents = "", nil
	}
	p := payload{Type: n.Type, Timestamp: n.At.UTC(), Data: job}
	body, err := json.Marshal(p)
	if err == nil && len(body) > maxPayload && len(job.Result) > 0 {
		short := *job
		short.Result = nil
		p.Truncated, p.Data = true, &short
		body, err = json.Marshal(p)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the webhook: %w", err)
	}
	return body, nil
}

// note is the body of a webhook about an endpoint.
type note struct {
	Type      tasks.EventType `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      noteData        `json:"data"`
}

type noteData struct {
	Endpoint string `json:"endpoint"` // the endpoint that the event is about
}

// notePayload encodes the webhook of an event that is about no job.
func notePayload(n queue.Notice) ([]byte, error) {
	about := n.Subject
	if about == "" {
		about = n.Endpoint
	}
	body, err := json.Marshal(note{n.Type, n.At.UTC(), noteData{about}})
	if err != nil {
		return nil, fmt.Errorf("encode the webhook: %w", err)
	}
	return body, nil
}
