package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/topcentral/spillway/tasks"
)

const jsonType = "application/json"

// checkBody returns the gate for bodies that must fit schema. It reads the body
// once, within limits of size and time, and leaves it to be read again.
func (s *server) checkBody(schema *jsonschema.Schema, limit int64) gate {
	return s.checkLevels(schema, limit, readJSON)
}

// checkLevels is checkBody for as much of a body as read reads.
func (s *server) checkLevels(schema *jsonschema.Schema, limit int64, read func([]byte) (any, error)) gate {
	return func(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
		if err := checkMedia(r.Header); err != nil {
			return nil, err
		}
		raw, err := s.readBody(w, r, limit)
		if err != nil {
			return nil, err
		}
		value, err := read(raw)
		if err != nil {
			return nil, err
		}
		if err := checkValue(value, schema); err != nil {
			return nil, err
		}
		return withBody(r, raw), nil
	}
}

// withBody returns r with a JSON body. The generated code knows the type by one
// spelling only.
func withBody(r *http.Request, raw []byte) *http.Request {
	r = r.WithContext(r.Context()) // a copy
	r.Header.Set("Content-Type", jsonType)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return r
}

// checkMedia tells whether the body claims to be JSON that we can read.
func checkMedia(h http.Header) error {
	if media, ok := mediaType(h); !ok || media != jsonType {
		return tasks.Errorf(tasks.CodeMediaType, "Send the body as %s in UTF-8, with a Content-Type that says so.", jsonType)
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return tasks.Errorf(tasks.CodeMediaType, "Send the body without a Content-Encoding.")
	}
	return nil
}

// mediaType returns the type of a body, if it is one in UTF-8.
func mediaType(h http.Header) (media string, ok bool) {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	return media, err == nil && (charset == "" || charset == "utf-8")
}

// readBody reads the body within the limits of size, in bytes, and of time.
func (s *server) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	tooLarge := tasks.Errorf(tasks.CodeTooLarge, "The request body may have %d bytes at most.", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(s.cfg.RequestTimeout)) // anew: since Timely the caller may have had to wait
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // not after a failure: see Timely
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, tasks.Errorf(tasks.CodeTooSlow, "The request body did not arrive within %v.", s.cfg.RequestTimeout)
	}
	if err != nil {
		return nil, tasks.Errorf(tasks.CodeInvalid, "The request body broke off.").WithCause(err)
	}
	return raw, nil
}

// checkValue tells everything that is wrong with the value of a body.
func checkValue(value any, schema *jsonschema.Schema) error {
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fmt.Errorf("check the body: %w", err)
	}
	return faulty(faultsOf(invalid))
}
