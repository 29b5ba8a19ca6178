package contract

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/topcentral/spillway/tasks"
)

// MaxBatch is how many submissions a batch may have; the contract states it.
const MaxBatch = 1000

// batchLevels is how many levels a batch has above its submissions, which are
// checked one by one: an error in one does not affect the others.
const batchLevels = 2

// CheckBatch refuses a batch that does not fit the schema of the operation, apart
// from its submissions, which [Contract.ReadSubmission] checks.
func (op *Operation) CheckBatch(raw []byte) error {
	value, err := readLevels(raw, batchLevels, MaxBatchValues)
	if err != nil {
		return err
	}
	return checkValue(value, op.body)
}

// BatchOfLines returns the batch of JSON objects, one per line. It ignores blank
// lines. A line that is not JSON in UTF-8 becomes a submission that is refused.
func BatchOfLines(raw []byte) ([]byte, error) {
	var items []json.RawMessage
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(items) == MaxBatch {
			return nil, tasks.Errorf(tasks.CodeInvalid, "A batch may have at most %d submissions.", MaxBatch)
		}
		if !json.Valid(line) || !utf8.Valid(line) {
			line = []byte("null")
		}
		items = append(items, line)
	}
	if len(items) == 0 {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The body has no submission; send one JSON object per line.")
	}
	return json.Marshal(map[string][]json.RawMessage{"jobs": items})
}
