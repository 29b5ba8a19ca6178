package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sync/errgroup"

	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

const (
	// maxBatch is how many submissions a batch may have; the contract names it.
	maxBatch = 1000
	// batchFactor is how much longer than one submission a batch may be.
	batchFactor = 16
	// batchWorkers is how many submissions of a batch are made into jobs at once.
	batchWorkers = 16
	linesType    = "application/x-ndjson"
)

// batchOutcome is what became of one submission of a batch.
type batchOutcome struct {
	Status   int        `json:"status"`
	Replayed bool       `json:"replayed,omitempty"`
	Job      *tasks.Job `json:"job,omitempty"`
	Problem  *problem   `json:"problem,omitempty"`
}

// SubmitBatch makes jobs of many submissions, each by itself.
func (s *server) SubmitBatch(ctx context.Context, request spec.SubmitBatchRequestObject) (spec.SubmitBatchResponseObject, error) {
	outcomes := make([]batchOutcome, len(request.Body.Jobs))
	// The first is what the request itself costs of the caller's rate.
	granted, beyond, err := s.cfg.Guard.SpendUpTo(ctx, len(request.Body.Jobs)-1)
	if err != nil {
		return nil, err
	}
	var group errgroup.Group
	group.SetLimit(batchWorkers)
	for i, raw := range request.Body.Jobs {
		if i > granted {
			outcomes[i] = s.refused(ctx, "/jobs/batch", beyond)
			continue
		}
		group.Go(func() error {
			outcomes[i] = s.submitOne(ctx, raw)
			return nil
		})
	}
	_ = group.Wait() // each outcome has its own error
	result := spec.SubmitBatch200JSONResponse{Outcomes: make([]spec.BatchOutcome, len(outcomes))}
	for i, o := range outcomes {
		result.Outcomes[i] = o
		if o.Job != nil {
			result.Accepted++
		} else {
			result.Refused++
		}
	}
	return result, nil
}

// submitOne makes a job of one submission of a batch. It runs in a goroutine of its
// own, where a panic would end the process.
func (s *server) submitOne(ctx context.Context, raw json.RawMessage) (o batchOutcome) {
	defer func() {
		if p := recover(); p != nil {
			o = s.refused(ctx, "/jobs/batch", panicked(p))
		}
	}()
	submission, err := s.readItem(raw)
	if err != nil {
		return s.refused(ctx, "/jobs/batch", err)
	}
	job, replayed, err := s.jobs.Submit(ctx, tenantOf(ctx), submission)
	if err != nil {
		return s.refused(ctx, "/jobs/batch", err)
	}
	j := shown(ctx, job)
	o = batchOutcome{Status: http.StatusAccepted, Replayed: replayed, Job: &j}
	if j.State.Terminal() {
		o.Status = http.StatusOK
	}
	return o
}

func (s *server) refused(ctx context.Context, path string, err error) batchOutcome {
	p := describe(err)
	p.Instance, p.RequestID = path, requestIDOf(ctx)
	if p.Status >= http.StatusInternalServerError {
		s.cfg.Log.ErrorContext(ctx, "submission of a batch failed", "request_id", p.RequestID, "trace_id", tasks.TraceOf(ctx).ID(), "error", err)
	}
	return batchOutcome{Status: p.Status, Problem: &p}
}

// readItem checks one submission of a batch as POST /jobs does, and takes its
// idempotency key out of it.
func (s *server) readItem(raw json.RawMessage) (*tasks.Submission, error) {
	if int64(len(raw)) > s.cfg.MaxBody {
		return nil, tasks.Errorf(tasks.CodeTooLarge, "A submission may have %d bytes at most.", s.cfg.MaxBody)
	}
	value, err := readJSON(raw)
	if err != nil {
		return nil, err
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The submission is not a JSON object.")
	}
	key, err := itemKey(members)
	if err != nil {
		return nil, err
	}
	delete(members, "idempotency_key")
	if err := checkValue(value, s.contract.submission); err != nil {
		return nil, err
	}
	submission := new(tasks.Submission)
	if err := json.Unmarshal(raw, submission); err != nil {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The submission cannot be read.").WithCause(err)
	}
	submission.IdempotencyKey = key
	return submission, nil
}

// itemKey returns the idempotency key of a submission in a batch; "" if it has
// none.
func itemKey(members map[string]any) (string, error) {
	value, there := members["idempotency_key"]
	if !there {
		return "", nil
	}
	key, ok := value.(string)
	if !ok || checkKey(key) != nil {
		return "", faulty([]tasks.Fault{{Pointer: "/idempotency_key", Detail: "must be a string of 1 to 255 printable ASCII characters"}})
	}
	return key, nil
}

// batchLevels is how many levels a batch has above its submissions, which are
// read one by one: what is wrong with one holds up no other.
const batchLevels = 2

// checkBatch returns the gate for the body of a batch that must fit schema.
func (s *server) checkBatch(schema *jsonschema.Schema) gate {
	read := func(raw []byte) (any, error) { return readLevels(raw, batchLevels, maxBatchValues) }
	return s.unroll(s.checkLevels(schema, batchFactor*s.cfg.MaxBody, read))
}

// unroll returns the gate for a batch: it lets more bytes through than one
// submission may have, and makes one JSON object of a body that has one per
// line.
func (s *server) unroll(next gate) gate {
	return func(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
		if media, ok := mediaType(r.Header); !ok || media != linesType {
			return next(w, r)
		}
		raw, err := s.readBody(w, r, batchFactor*s.cfg.MaxBody)
		if err != nil {
			return nil, err
		}
		body, err := fromLines(raw)
		if err != nil {
			return nil, err
		}
		return next(w, withBody(r, body))
	}
}

// fromLines makes a Batch of JSON objects, one per line. Blank lines do not
// count. A line that is no JSON in UTF-8 becomes a submission that is told so.
func fromLines(raw []byte) ([]byte, error) {
	var items []json.RawMessage
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(items) == maxBatch {
			return nil, errBatchTooLong
		}
		if !json.Valid(line) || !utf8.Valid(line) {
			line = []byte("null")
		}
		items = append(items, line)
	}
	if len(items) == 0 {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The body has no submission; send one JSON object per line.")
	}
	return json.Marshal(spec.Batch{Jobs: items})
}

var errBatchTooLong = tasks.Errorf(tasks.CodeInvalid, "A batch may have %d submissions at most.", maxBatch)
