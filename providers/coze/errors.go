package coze

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
	"github.com/topcentral/spillway/providers/internal/wire"
)

// problem is how Coze reports a failure; Code is 0 if there is none.
type problem struct {
	Code wire.Count `json:"code"`
	Msg  wire.Text  `json:"msg"`
}

// envelope is the outer object of every response.
type envelope struct {
	problem
	Data json.RawMessage `json:"data"`
}

// codes maps Coze's error codes to their classes.
var codes = map[int]providers.Class{
	4000:      providers.ClassBadRequest,  // parameters
	4008:      providers.ClassQuotaDead,   // free calls used up
	4009:      providers.ClassRateLimited, // requests per minute
	4011:      providers.ClassQuotaDead,   // balance
	4013:      providers.ClassRateLimited, // requests per time
	4015:      providers.ClassBadRequest,  // the bot is not published as an API
	4028:      providers.ClassQuotaDead,   // free quota used up
	4100:      providers.ClassAuthDead,    // token
	4101:      providers.ClassAuthDead,    // permission
	4200:      providers.ClassBadRequest,  // no such bot
	5000:      providers.ClassServer,      // internal
	700012006: providers.ClassAuthDead,    // token
}

// timedOut matches error texts about a time limit, for codes that are not listed.
var timedOut = regexp.MustCompile(`(?i)\btime(d[ -]?)?out\b`)

// open decodes the data of a response into v, or returns the failure that the
// response reports.
func open(body []byte, v any, key providers.Secret) error {
	var e envelope
	if err := wire.Decode(body, &e); err != nil {
		if outbound.IsPage(nil, body) {
			return providers.Errorf(providers.ClassServer, "%s", outbound.Page(body))
		}
		return providers.Errorf(providers.ClassServer, "the response is not in Coze's format: check the base URL").WithCause(err)
	}
	if e.Code != 0 {
		return e.err(http.StatusOK, key)
	}
	if data := bytes.TrimSpace(e.Data); len(data) == 0 || data[0] != '{' && data[0] != '[' || wire.Decode(data, v) != nil {
		return providers.Errorf(providers.ClassServer, "the response is not in Coze's format: check the base URL")
	}
	return nil
}

// err decides the class: by a known code, else by text and status. In HTTP 200
// an unknown code counts as the status that it looks like, or by its thousands.
func (p problem) err(status int, key providers.Secret) *providers.Error {
	code, text := int(p.Code), string(p.Msg)
	class, known := codes[code]
	if !known {
		if status == http.StatusOK && code >= http.StatusBadRequest && code < 600 {
			status = code
		}
		class = providers.ClassOfStatus(status)
		if status == http.StatusOK && code/1000 == 4 {
			class = providers.ClassBadRequest
		}
		class = outbound.ClassByText(class, text)
		if class == providers.ClassServer && timedOut.MatchString(text) {
			class = providers.ClassTimeout
		}
	}
	e := providers.Errorf(class, "%s", outbound.Clean(text, key))
	if code != 0 {
		e = providers.Errorf(class, "%s (code %d)", outbound.Clean(text, key), code)
	}
	if status != http.StatusOK {
		e.Status = status
	}
	if e.Message == "" {
		e.Message = "the service did not give a reason"
	}
	return e
}

// refusal reads a response whose status is not 200. Gateways in front of the API
// have an error format of their own.
func (p *provider) refusal(ctx context.Context, resp *http.Response) error {
	r, err := outbound.ReadFailure(ctx, resp)
	if err != nil {
		return err
	}
	if e := r.Intermediary(); e != nil {
		return e
	}
	var said struct {
		problem
		ErrorMessage wire.Text `json:"error_message"`
		Message      wire.Text `json:"message"`
	}
	if wire.Decode(r.Body, &said) != nil {
		said.Msg = wire.Text(r.Body)
	}
	said.Msg = cmp.Or(said.Msg, said.ErrorMessage, said.Message)
	return r.Complete(said.err(r.Status, p.config.Key))
}
