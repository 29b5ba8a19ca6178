package ollama

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// errorTexts maps texts in Ollama's errors to classes; the first match wins. The
// text takes precedence over the status: an error within a stream has none, and
// several releases use 500 for everything.
var errorTexts = []struct {
	text  string
	class providers.Class
}{
	{"exceeds the context length", providers.ClassContextOverflow},         // 0.12.6 …
	{"exceeds the available context size", providers.ClassContextOverflow}, // 0.34 …: llama-server's own words
	{"exceed_context_size_error", providers.ClassContextOverflow},
	{"maximum pending requests exceeded", providers.ClassOverloaded},
	{"server busy", providers.ClassOverloaded},
	{"requires more system memory", providers.ClassOverloaded},
	{"out of memory", providers.ClassOverloaded},
	{"does not support", providers.ClassBadRequest}, // chat, thinking, …
	{"try pulling it first", providers.ClassBadRequest},
	{"invalid model name", providers.ClassBadRequest},
}

// refusal reads a response whose status is not 200.
func (p *provider) refusal(ctx context.Context, resp *http.Response, model string) error {
	r, err := outbound.ReadFailure(ctx, resp)
	if err != nil {
		return err
	}
	if e := r.Intermediary(); e != nil {
		return e
	}
	var answer struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	text := ""
	if wire.Decode(r.Body, &answer) == nil {
		for _, raw := range []json.RawMessage{answer.Error, answer.Message, answer.Detail} {
			if text == "" {
				text, _ = errorText(raw)
			}
		}
	} else if resp.StatusCode != http.StatusNotFound {
		text = string(r.Body)
	}
	return r.Complete(classify(resp.StatusCode, text, model))
}

// classify returns the error for a status and an error text; either may be
// unknown (200, "").
func classify(status int, text, model string) *providers.Error {
	e := providers.Errorf(providers.ClassOfStatus(status), "%s", outbound.Clean(text))
	if status != http.StatusOK {
		e.Status = status
	}
	lower := strings.ToLower(text)
	e.Class = outbound.ClassByText(e.Class, text)
	for _, sign := range errorTexts {
		if strings.Contains(lower, sign.text) {
			e.Class = sign.class
			break
		}
	}
	switch {
	case missing.MatchString(lower):
		e.Class = providers.ClassBadRequest
		e.Message = "model " + model + " is not installed on this Ollama server: run `ollama pull " + model + "`"
	case e.Message == "" && status == http.StatusNotFound:
		e.Message = "the server has no such path: is it Ollama?"
	case e.Message == "":
		e.Message = "the server did not give a reason"
	}
	return e
}

// missing matches the error for a model that is not installed, and not for a part
// that is missing in a model.
var missing = regexp.MustCompile(`try pulling it first|\bmodel ["'` + "`" + `]?[^\s"'` + "`" + `]+["'` + "`" + `]? (was |is )?not found`)

// errorText returns the text of an "error" field: a string, a string that holds
// another error as JSON (since 0.34, passed on from llama-server), or an object
// with a message; "" for none. It also returns the HTTP status that llama-server
// puts into its error, 0 if there is none.
func errorText(raw json.RawMessage) (text string, status int) {
	if wire.Empty(raw) {
		return "", 0
	}
	text = unquote(raw)
	for range 3 {
		var inner struct {
			Message wire.Text       `json:"message"`
			Code    wire.Count      `json:"code"`
			Error   json.RawMessage `json:"error"`
		}
		if json.Unmarshal([]byte(text), &inner) != nil {
			return text, status
		}
		if inner.Code >= http.StatusBadRequest && inner.Code < 600 {
			status = int(inner.Code)
		}
		if inner.Message != "" {
			return string(inner.Message), status
		}
		nested := unquote(inner.Error)
		if nested == "" {
			return text, status
		}
		text = nested
	}
	return text, status
}

// unquote returns a JSON string's text, any other JSON as it is, and "" for null.
func unquote(raw json.RawMessage) string {
	var text *string
	if len(raw) == 0 || json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	if text == nil {
		return ""
	}
	return *text
}
