package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// serviceError is the failure that a service reports, in whatever shape.
type serviceError struct {
	Type    string
	Code    string
	Message string
	Param   string // the field of the request at fault
	Status  int    // an HTTP status in the body; 0 if none
	MiniMax int    // a MiniMax code; 0 if none
}

// failureFields are the members by which an event can report a failure.
type failureFields struct {
	Error           json.RawMessage `json:"error"`
	Errors          json.RawMessage `json:"errors"`
	Object          wire.Text       `json:"object"`
	Type            wire.Text       `json:"type"`
	Code            wire.Text       `json:"code"`
	ErrorCode       wire.Text       `json:"error_code"`
	Detail          json.RawMessage `json:"detail"`
	Success         json.RawMessage `json:"success"`
	BaseResp        baseResp        `json:"base_resp"`        // MiniMax
	InputSensitive  json.RawMessage `json:"input_sensitive"`  // MiniMax
	OutputSensitive json.RawMessage `json:"output_sensitive"` // MiniMax
}

// baseResp is how MiniMax reports the outcome: in every response, 0 for success.
type baseResp struct {
	StatusCode wire.Count `json:"status_code"`
	StatusMsg  wire.Text  `json:"status_msg"`
}

// failed reports whether an event is a failure and no part of an answer.
func (c *completion) failed(eventName string) bool {
	switch {
	case c.BaseResp.StatusCode != 0, !wire.Empty(c.Error), sensitive(c.InputSensitive), sensitive(c.OutputSensitive):
		return true
	case len(c.Choices) > 0 || !wire.Empty(c.Usage):
		return false
	}
	return strings.EqualFold(eventName, "error") || c.Object == "error" || c.Type == "error" || !wire.Empty(c.Errors) || !wire.Empty(c.Detail) ||
		string(bytes.TrimSpace(c.Success)) == "false" || means(string(c.Code)) || means(string(c.ErrorCode))
}

func sensitive(raw json.RawMessage) bool { return strings.EqualFold(wire.TextOf(raw), "true") }

// means reports whether a code denotes a failure.
func means(code string) bool {
	switch strings.ToLower(code) {
	case "", "0", "200", "ok", "success", "false":
		return false
	}
	return true
}

// errorFields are all the members in which services describe a failure, in an
// "error" object or at the top level.
type errorFields struct {
	Type   wire.Text `json:"type"`
	State  wire.Text `json:"status"` // Google's name for it, or an HTTP status
	Code   wire.Text `json:"code"`
	Number wire.Text `json:"error_code"`
	HTTP   wire.Text `json:"http_code"` // MiniMax
	Param  wire.Text `json:"param"`

	Message     json.RawMessage `json:"message"`
	Msg         wire.Text       `json:"msg"`
	ErrorMsg    wire.Text       `json:"error_msg"`
	ErrMsg      wire.Text       `json:"errmsg"`
	ErrorText   wire.Text       `json:"error_message"`
	Description wire.Text       `json:"error_description"`
	Title       wire.Text       `json:"title"`
	Reason      wire.Text       `json:"reason"`

	Error    json.RawMessage `json:"error"`
	Errors   json.RawMessage `json:"errors"`
	Detail   json.RawMessage `json:"detail"` // FastAPI: a text, or a list of what is wrong
	BaseResp baseResp        `json:"base_resp"`
}

// maxDepth bounds how deep nested errors, parts and lists are read: gateways wrap
// the errors that they pass on.
const maxDepth = 8

// parseError reads the body of a failure: an object, a list of them, JSON in a
// string, events, or plain text.
func parseError(body []byte, depth int) serviceError {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	var top json.RawMessage
	if wire.Decode(body, &top) != nil {
		if event, err := wire.NewEvents(bytes.NewReader(body), len(body)+1).Next(); err == nil && depth == 0 && isObject(string(event.Data)) {
			return parseError(event.Data, depth+1)
		}
		return serviceError{Message: string(body)}
	}
	if top[0] == '[' {
		if list := wire.Elements(top); len(list) > 0 {
			return parseError(list[0], depth)
		}
		return serviceError{}
	}
	if top[0] != '{' {
		text := wire.TextOf(top)
		if inner := strings.TrimSpace(text); depth < maxDepth && strings.HasPrefix(inner, "{") && json.Valid([]byte(inner)) {
			return parseError([]byte(inner), depth+1)
		}
		return serviceError{Message: text}
	}
	var s errorFields
	_ = wire.Decode(top, &s)
	return s.serviceError(depth)
}

// serviceError combines the members of an object with those of nested objects.
func (s *errorFields) serviceError(depth int) serviceError {
	f := serviceError{Type: firstOf(string(s.Type), name(string(s.State))), Code: firstOf(string(s.Code), string(s.Number)), Param: string(s.Param)}
	for _, code := range []wire.Text{s.Code, s.State, s.Number, s.HTTP} {
		if f.Status == 0 {
			f.Status = statusIn(string(code))
		}
	}
	detail := ""
	if !wire.Empty(s.Detail) {
		detail, f.Param = detailOf(s.Detail, f.Param)
	}
	var message serviceError
	if !wire.Empty(s.Message) && depth < maxDepth {
		message = parseError(s.Message, depth+1)
	}
	f.Message = firstOf(message.Message, string(s.Msg), string(s.ErrorMsg), string(s.ErrMsg), string(s.ErrorText), string(s.Description), detail, string(s.Title), string(s.Reason))
	f = f.or(message)
	for _, inner := range []json.RawMessage{s.Error, s.Errors} {
		if !wire.Empty(inner) && string(bytes.TrimSpace(inner)) != "true" && depth < maxDepth {
			deeper := parseError(inner, depth+1)
			if deeper.Message != "" {
				f.Message = deeper.Message
			}
			f = deeper.or(f)
			break
		}
	}
	if s.BaseResp.StatusCode != 0 {
		f.MiniMax, f.Message = int(s.BaseResp.StatusCode), string(s.BaseResp.StatusMsg)
	}
	if s.HTTP != "" || s.Type == "error" {
		if code := miniMaxCodeIn(f.Message); f.MiniMax == 0 {
			f.MiniMax = code
		}
	}
	return f
}

// or returns f with its empty fields taken from other.
func (f serviceError) or(other serviceError) serviceError {
	f.Type, f.Code, f.Message, f.Param = firstOf(f.Type, other.Type), firstOf(f.Code, other.Code), firstOf(f.Message, other.Message), firstOf(f.Param, other.Param)
	if f.Status == 0 {
		f.Status = other.Status
	}
	if f.MiniMax == 0 {
		f.MiniMax = other.MiniMax
	}
	return f
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// name returns a status that is a name, "" if it is a number.
func name(state string) string {
	if statusIn(state) != 0 {
		return ""
	}
	return state
}

// statusIn returns the code as an HTTP status from 400 to 599, else 0.
func statusIn(code string) int {
	if n := wire.CountOf(json.RawMessage(`"` + strings.Trim(code, `"\`) + `"`)); n >= http.StatusBadRequest && n < 600 {
		return n
	}
	return 0
}

// detailOf reads FastAPI's "detail": the problems, and the field at fault.
func detailOf(raw json.RawMessage, param string) (text, about string) {
	if list := wire.Elements(raw); len(list) > 0 {
		var texts []string
		params := []string{param}
		for _, element := range list {
			var d struct {
				Msg     wire.Text         `json:"msg"`
				Message wire.Text         `json:"message"`
				Loc     []json.RawMessage `json:"loc"`
			}
			_ = wire.Decode(element, &d)
			var loc []string
			for _, step := range d.Loc {
				loc = append(loc, wire.TextOf(step))
			}
			t := firstOf(string(d.Msg), string(d.Message), wire.TextOf(element))
			if len(loc) > 0 {
				about = strings.Join(loc, ".")
				params = append(params, about)
				t += " (" + about + ")"
			}
			texts = append(texts, t)
		}
		return strings.Join(texts, "; "), strings.TrimSpace(strings.Join(params, " "))
	}
	return wire.TextOf(raw), param
}

// inside returns the failure that an event, or a whole response, of status 200
// reports.
func (c *completion) inside(raw []byte, key providers.Secret) *providers.Error {
	if sensitive(c.InputSensitive) || sensitive(c.OutputSensitive) {
		if c.BaseResp.StatusCode == 0 && wire.Empty(c.Error) {
			return providers.Errorf(providers.ClassContentBlocked, "the service's content filter rejected the text")
		}
	}
	return newError(http.StatusOK, parseError(raw, 0), key)
}
