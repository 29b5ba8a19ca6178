package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// fault is what a service says of a failure, whatever the shape it says it in.
type fault struct {
	Type    string
	Code    string
	Message string
}

// baseResp is how MiniMax reports: in every answer, 0 for success.
type baseResp struct {
	StatusCode int    `json:"status_code"`
	StatusMsg  string `json:"status_msg"`
}

// names are the error types and codes of the services, in lower case. They
// decide before the status: Kimi has three kinds of 429 and OpenAI six.
var names = map[string]providers.Class{
	"rate_limit_reached_error":  providers.ClassRateLimited, // Kimi
	"rate_limit_exceeded":       providers.ClassRateLimited,
	"rate_limit_error":          providers.ClassRateLimited,
	"throttling":                providers.ClassRateLimited, // DashScope, and all that begins so
	"engine_overloaded_error":   providers.ClassOverloaded,  // Kimi
	"overloaded_error":          providers.ClassOverloaded,
	"server_overloaded":         providers.ClassOverloaded,
	"service_unavailable_error": providers.ClassOverloaded,

	"exceeded_current_quota_error":      providers.ClassQuotaDead, // Kimi
	"insufficient_quota":                providers.ClassQuotaDead, // OpenAI, 429
	"credit_balance_exhausted":          providers.ClassQuotaDead,
	"organization_spend_limit_exceeded": providers.ClassQuotaDead,
	"project_spend_limit_exceeded":      providers.ClassQuotaDead,
	"organization_usage_limit_exceeded": providers.ClassQuotaDead,
	"insufficient_balance_error":        providers.ClassQuotaDead, // MiniMax
	"arrearage":                         providers.ClassQuotaDead, // DashScope
	"throttling.allocationquota":        providers.ClassQuotaDead,
	"allocationquota.freetieronly":      providers.ClassQuotaDead,

	"incorrect_api_key_error":      providers.ClassAuthDead, // Kimi
	"invalid_api_key":              providers.ClassAuthDead,
	"invalidapikey":                providers.ClassAuthDead, // DashScope
	"invalid_authentication_error": providers.ClassAuthDead,
	"authentication_error":         providers.ClassAuthDead,
	"authorized_error":             providers.ClassAuthDead, // MiniMax
	"permission_denied_error":      providers.ClassAuthDead,

	"context_length_exceeded":   providers.ClassContextOverflow,
	"exceed_context_size_error": providers.ClassContextOverflow, // llama-server

	"content_filter":           providers.ClassContentBlocked,
	"content_policy_violation": providers.ClassContentBlocked,
	"datainspectionfailed":     providers.ClassContentBlocked, // DashScope
	"data_inspection_failed":   providers.ClassContentBlocked,

	"model_not_found":          providers.ClassBadRequest,
	"modelnotfound":            providers.ClassBadRequest,
	"resource_not_found_error": providers.ClassBadRequest, // Kimi

	"server_error":   providers.ClassServer,
	"internal_error": providers.ClassServer,
}

// miniMaxCodes are the codes of base_resp; an unknown one is the server's fault.
var miniMaxCodes = map[int]providers.Class{
	1000: providers.ClassServer,         // unknown
	1001: providers.ClassTimeout,        // timeout
	1002: providers.ClassRateLimited,    // requests per minute
	1004: providers.ClassAuthDead,       // not authorized
	1008: providers.ClassQuotaDead,      // balance
	1024: providers.ClassServer,         // internal
	1026: providers.ClassContentBlocked, // input
	1027: providers.ClassContentBlocked, // output
	1033: providers.ClassServer,         // downstream
	1039: providers.ClassRateLimited,    // tokens per minute
	1041: providers.ClassRateLimited,    // connections
	1042: providers.ClassBadRequest,     // invisible characters
	2013: providers.ClassBadRequest,     // parameters
	2049: providers.ClassAuthDead,       // invalid key
	2056: providers.ClassQuotaDead,      // usage limit of the plan
}

// Texts that say more than the status does; lower case. A text may only turn a
// bad request into an overflow or a block, and a 403 into a matter of money.
var (
	overflowTexts = []string{
		"exceeded model token limit", // Kimi
		"maximum context length",     // OpenAI, DeepSeek
		"context window", "context length", "exceeds the available context size",
		"prompt is too long", "range of input length",
	}
	blockTexts = []string{"content risk", "content exists risk", "high risk", "content policy", "inappropriate content"} // DeepSeek, Kimi, DashScope
	moneyTexts = []string{"balance", "quota", "billing", "arrear"}
)

// classify makes an error of an answer whose status is not 200.
func classify(status int, body []byte, key providers.Secret) *providers.Error {
	f := fault{}
	var c struct {
		completion
		Code    any    `json:"code"` // DashScope: beside the message, without an error object
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &c) == nil {
		if c.BaseResp != nil && c.BaseResp.StatusCode != 0 {
			e := c.BaseResp.err(key)
			e.Status = status
			return e
		}
		f = parseFault(c.Error)
		if len(c.Error) == 0 {
			f = fault{Code: code(c.Code), Message: c.Message}
		}
	}
	return judge(status, f, key)
}

// fault returns the failure that an event or a whole answer of status 200
// reports, nil if it reports none.
func (c completion) fault(raw []byte, key providers.Secret) error {
	switch {
	case c.BaseResp != nil && c.BaseResp.StatusCode != 0:
		return c.BaseResp.err(key)
	case len(c.Error) > 0 && string(c.Error) != "null":
		return classify(http.StatusOK, raw, key)
	case c.InputSensitive || c.OutputSensitive:
		return providers.Errorf(providers.ClassContentBlocked, "the service's filter refused the text as sensitive")
	default:
		return nil
	}
}

func (b baseResp) err(key providers.Secret) *providers.Error {
	class, ok := miniMaxCodes[b.StatusCode]
	if !ok {
		class = providers.ClassServer
	}
	class = byText(class, b.StatusMsg)
	return providers.Errorf(class, "%s (code %d)", outbound.Clean(b.StatusMsg, key), b.StatusCode)
}

// judge decides the class: by type, by code, by text, by status.
func judge(status int, f fault, key providers.Secret) *providers.Error {
	class := providers.ClassOfStatus(status)
	named := false
	for _, name := range []string{f.Code, f.Type} {
		c, ok := byName(name)
		if ok && c == providers.ClassServer && status >= http.StatusInternalServerError {
			break // OpenAI's name for every 5xx; the status says more
		}
		if ok {
			class, named = c, true
			break
		}
	}
	if !named {
		class = byText(class, f.Message)
	}
	e := providers.Errorf(class, "%s", outbound.Clean(f.Message, key))
	if status != http.StatusOK {
		e.Status = status
	}
	if e.Message == "" {
		e.Message = "the service gave no reason"
	}
	return e
}

// byName returns the class of an error type or code, or of the family that it
// belongs to: what stands before the first dot.
func byName(name string) (providers.Class, bool) {
	name = strings.ToLower(name)
	if c, ok := names[name]; ok {
		return c, true
	}
	family, _, _ := strings.Cut(name, ".")
	c, ok := names[family]
	return c, ok
}

func byText(class providers.Class, text string) providers.Class {
	lower := strings.ToLower(text)
	switch {
	case class == providers.ClassBadRequest && containsAny(lower, overflowTexts):
		return providers.ClassContextOverflow
	case class == providers.ClassBadRequest && containsAny(lower, blockTexts):
		return providers.ClassContentBlocked
	case class == providers.ClassAuthDead && containsAny(lower, moneyTexts):
		return providers.ClassQuotaDead
	default:
		return class
	}
}

func containsAny(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// parseFault reads an "error" field: an object, or just a text.
func parseFault(raw json.RawMessage) fault {
	var object struct {
		Type    string `json:"type"`
		Code    any    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil {
		return fault{Type: object.Type, Code: code(object.Code), Message: object.Message}
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return fault{Message: text}
	}
	return fault{}
}

// code reads an error code, which is a string, a number or missing.
func code(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
