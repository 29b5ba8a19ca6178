package coze

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// problem is what Coze says of a failure; a Code of 0 says that there is none.
type problem struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// envelope is what every answer comes in.
type envelope struct {
	problem
	Data json.RawMessage `json:"data"`
}

// codes are Coze's error codes and the class each stands for.
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

// words tell the class of a code that is not listed; lower case, first match
// wins.
var words = []struct {
	text  string
	class providers.Class
}{
	{"sensitive", providers.ClassContentBlocked},
	{"审核", providers.ClassContentBlocked},
	{"balance", providers.ClassQuotaDead},
	{"quota", providers.ClassQuotaDead},
	{"余额", providers.ClassQuotaDead},
	{"rate limit", providers.ClassRateLimited},
	{"too many", providers.ClassRateLimited},
	{"timeout", providers.ClassTimeout},
	{"timed out", providers.ClassTimeout},
}

// open reads the data into v, or returns the failure that the answer reports.
func (e envelope) open(v any, key providers.Secret) error {
	if e.Code != 0 {
		return e.err(http.StatusOK, key)
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return providers.Errorf(providers.ClassServer, "the service did not answer in Coze's format").WithCause(err)
	}
	return nil
}

// err decides the class: by code, by text, by status, and for a code that is not
// known by its thousands.
func (p problem) err(status int, key providers.Secret) *providers.Error {
	class, known := codes[p.Code]
	if !known {
		class, known = byText(p.Msg)
	}
	switch {
	case known:
	case status == http.StatusOK && p.Code/1000 == 4:
		class = providers.ClassBadRequest
	default:
		class = providers.ClassOfStatus(status)
	}
	e := providers.Errorf(class, "%s", outbound.Clean(p.Msg, key))
	if p.Code != 0 {
		e = providers.Errorf(class, "%s (code %d)", outbound.Clean(p.Msg, key), p.Code)
	}
	if status != http.StatusOK {
		e.Status = status
	}
	if e.Message == "" {
		e.Message = "the service gave no reason"
	}
	return e
}

func byText(text string) (class providers.Class, known bool) {
	lower := strings.ToLower(text)
	for _, w := range words {
		if strings.Contains(lower, w.text) {
			return w.class, true
		}
	}
	return "", false
}

// refusal reads an answer whose status is not 200. What stands before the API
// spells its errors in another way.
func (p *provider) refusal(ctx context.Context, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, outbound.MaxError))
	if err != nil && ctx.Err() != nil {
		return providers.Canceled(ctx)
	}
	var said struct {
		problem
		ErrorMessage string `json:"error_message"`
	}
	if json.Unmarshal(body, &said) != nil {
		said.problem = problem{}
	}
	if said.Msg == "" {
		said.Msg = said.ErrorMessage
	}
	e := said.err(resp.StatusCode, p.config.Key)
	if e.Class.Policy().RetrySame {
		e.RetryAfter = outbound.RetryAfter(e.Class, resp.Header, e.Message, time.Now())
	}
	return e
}
