package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// callsBack: each end of a job with a callback brought a webhook, or one is on
// its way.
func callsBack(h *History, j *Job) []string {
	if !j.Callback || !h.Tests.Webhooks {
		return nil
	}
	missing, _ := h.Undelivered(j)
	var wrong []string
	for _, id := range missing {
		wrong = append(wrong, id+" never came, and is not on its way")
	}
	return wrong
}

// Undelivered returns the IDs of the webhooks that a job's ends call for and
// that were not received: those that are missing, and those still on their way.
func (h *History) Undelivered(j *Job) (missing, underway []string) {
	for i := range j.Stored {
		r := &j.Stored[i]
		for _, e := range r.Events {
			id := WebhookID(r.ID, e.Sequence)
			if !e.Type.Terminal() || j.delivered(id) {
				continue
			}
			if state, known := r.Webhooks[id]; known && state != "completed" && state != "archived" || !r.Relayed {
				underway = append(underway, id)
			} else if !h.inDoubt(e.At) {
				missing = append(missing, id)
			}
		}
	}
	return missing, underway
}

// WebhookID is the ID that the webhook of an event is to bear: it follows from
// the event alone.
func WebhookID(jobID string, sequence int64) string {
	return "evt_" + strings.TrimPrefix(jobID, "job_") + "_" + strconv.FormatInt(sequence, 10)
}

func (j *Job) delivered(id string) bool {
	return slices.ContainsFunc(j.Webhooks, func(d Delivery) bool { return d.ID == id && d.Answered/100 == 2 })
}

// webhooksAreConstant: each webhook is signed and reports an end that the log
// has, under that end's one ID.
func webhooksAreConstant(h *History, j *Job) []string {
	var wrong []string
	for _, d := range j.Webhooks {
		if d.Fault != "" {
			wrong = append(wrong, d.ID+": "+d.Fault)
		}
		r := j.Record(d.JobID)
		if r == nil || h.inDoubt(d.At) {
			continue
		}
		told := slices.ContainsFunc(r.Events, func(e Event) bool {
			return e.Type == d.Type && e.Type.Terminal() && WebhookID(r.ID, e.Sequence) == d.ID
		})
		if !told {
			wrong = append(wrong, fmt.Sprintf("%s tells of %s, which the log does not have under that ID", d.ID, d.Type))
		}
	}
	return wrong
}

// EndIDs lists the IDs of the webhooks that the ends in a job's log call for.
func (r *Record) EndIDs() []string {
	var ids []string
	for _, e := range r.Events {
		if e.Type.Terminal() {
			ids = append(ids, WebhookID(r.ID, e.Sequence))
		}
	}
	return ids
}

// Notified reports whether the receiver has taken a webhook for every end in
// the record.
func (j *Job) Notified(r *Record) bool {
	return !slices.ContainsFunc(r.EndIDs(), func(id string) bool { return !j.delivered(id) })
}
