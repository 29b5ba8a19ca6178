package contract

import (
	"bytes"
	"encoding/json"

	"github.com/topcentral/spillway/tasks"
)

// MaxBatch is how many submissions a batch may have; the contract states it.
const MaxBatch = 1000

// batchLevels is how many levels a batch has above its submissions, which are
// checked one by one: an error in one does not affect the others.
const batchLevels = 2

// ReadBatch returns the submissions of a batch, each as it was sent. It refuses a
// batch that does not fit the schema of the operation, apart from its submissions,
// which [Contract.ReadSubmission] checks.
func (op *Operation) ReadBatch(raw []byte) ([]json.RawMessage, error) {
	p := parser{levels: batchLevels, most: MaxBatchValues}
	value, err := p.parse(raw)
	if err != nil {
		return nil, err
	}
	return p.below, checkValue(value, op.body)
}

// ReadLines returns the submissions of a batch of JSON objects, one per line. It
// ignores blank lines. What is wrong with one line does not affect the others:
// [Contract.ReadSubmission] reports it.
func ReadLines(raw []byte) ([]json.RawMessage, error) {
	var items []json.RawMessage
	p := parser{most: MaxBatchValues}
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(items) == MaxBatch {
			return nil, tasks.Errorf(tasks.CodeInvalid, "A batch may have at most %d submissions.", MaxBatch)
		}
		if _, err := p.parse(line); err != nil && p.values > p.most {
			return nil, err
		}
		items = append(items, line)
	}
	if len(items) == 0 {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The body has no submission; send one JSON object per line.")
	}
	return items, nil
}
