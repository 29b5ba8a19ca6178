package api

import (
	"context"
	"encoding/json"
	"net/http"

	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/labstack/echo/v4"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
)

// body is the body of a request, read and checked.
type body struct {
	raw     []byte
	items   []json.RawMessage // of a batch; raw is nil then
	release func()            // the memory that it takes
}

type bodyKey struct{}

// releaseBody frees what the body of the request takes, before a long wait.
func releaseBody(ctx context.Context) {
	if b, ok := ctx.Value(bodyKey{}).(*body); ok {
		b.release()
	}
}

// readBody reads and checks the body of a request, if its operation has one.
func (s *server) readBody(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		op := operationOf(r)
		limits := httpx.BodyLimits{Bytes: s.cfg.MaxBody, Time: s.cfg.RequestTimeout}
		if !op.HasBody() {
			return next(w, httpx.DiscardBody(w, r, limits))
		}
		values, types := int64(contract.MaxValues), []string{contract.MediaJSON}
		if op.ID == submitBatch {
			limits.Bytes *= batchFactor
			values, types = contract.MaxBatchValues, append(types, contract.MediaLines)
		}
		media, err := contract.MediaType(r.Header, types...)
		if err != nil {
			return err
		}
		length := r.ContentLength
		if length < 0 || length > limits.Bytes {
			length = limits.Bytes // not known, or refused by ReadBody
		}
		release, err := s.bodies.reserve(r.Context(), tenantOf(r.Context()), memoryOf(length, values), s.cfg.RequestTimeout)
		if err != nil {
			return err
		}
		defer release()
		b := &body{release: release}
		raw, err := httpx.ReadBody(w, r, limits)
		if err != nil {
			return err
		}
		if err := b.check(op, media, raw); err != nil {
			return err
		}
		// The generated code decodes JSON of a known length.
		r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, b))
		r.Header.Set("Content-Type", contract.MediaJSON)
		r.Body, r.ContentLength = http.NoBody, int64(len(raw))
		return next(w, r)
	}
}

// check checks a body against the contract, and takes the submissions of a batch
// out of it.
func (b *body) check(op *contract.Operation, media string, raw []byte) (err error) {
	switch {
	case media == contract.MediaLines:
		b.items, err = contract.ReadLines(raw)
	case op.ID == submitBatch:
		b.items, err = op.ReadBatch(raw)
	default:
		b.raw, err = raw, op.CheckBody(raw)
	}
	return err
}

// bodyDecoder decodes the body that readBody has read, for the generated code.
type bodyDecoder struct{ echo.DefaultJSONSerializer }

// Deserialize decodes the body into i, and lets go of it.
func (bodyDecoder) Deserialize(c echo.Context, i any) error {
	b, ok := c.Request().Context().Value(bodyKey{}).(*body)
	if !ok {
		return errUnreadable
	}
	raw, items := b.raw, b.items
	b.raw, b.items = nil, nil
	if batch, ok := i.(*spec.SubmitBatchJSONRequestBody); ok {
		batch.Jobs = items
		return nil
	}
	return jsonv1.Unmarshal(raw, i)
}
