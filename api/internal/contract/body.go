package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// The media types of request bodies.
const (
	MediaJSON  = "application/json"
	MediaLines = "application/x-ndjson"
)

// MediaType returns the media type of a body. It refuses a body that is not
// declared as one of the accepted types, in UTF-8 and uncompressed.
func MediaType(h http.Header, accepted ...string) (string, error) {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || !slices.Contains(accepted, media) || charset != "" && charset != "utf-8" {
		return "", tasks.Errorf(tasks.CodeMediaType, "Send the body as %s in UTF-8, and say so in Content-Type.", strings.Join(accepted, " or "))
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", tasks.Errorf(tasks.CodeMediaType, "Send the body without a Content-Encoding.")
	}
	return media, nil
}

// CheckBody refuses a body that does not fit the schema of the operation.
func (op *Operation) CheckBody(raw []byte) error {
	value, err := parse(raw)
	if err != nil {
		return err
	}
	return checkValue(value, op.body)
}

// checkValue lists everything that is wrong with the value of a body.
func checkValue(value any, schema *jsonschema.Schema) error {
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fmt.Errorf("check the body: %w", err)
	}
	return Invalid(faultsOf(invalid))
}

// ReadSubmission checks one submission of a batch as POST /jobs does, and moves
// its idempotency key out of it.
func (c *Contract) ReadSubmission(raw json.RawMessage) (*tasks.Submission, error) {
	value, err := parse(raw)
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
	if err := checkValue(value, c.submission); err != nil {
		return nil, err
	}
	submission := new(tasks.Submission)
	if err := json.Unmarshal(raw, submission); err != nil {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The submission cannot be read.").WithCause(err)
	}
	submission.IdempotencyKey = key
	return submission, nil
}

// itemKey returns the idempotency key of a submission in a batch, "" if it has
// none.
func itemKey(members map[string]any) (string, error) {
	value, there := members["idempotency_key"]
	if !there {
		return "", nil
	}
	key, ok := value.(string)
	if !ok || httpx.CheckIdempotencyKey(key) != nil {
		return "", Invalid([]tasks.Fault{{Pointer: "/idempotency_key", Detail: "must be a string of 1 to 255 printable ASCII characters"}})
	}
	return key, nil
}
