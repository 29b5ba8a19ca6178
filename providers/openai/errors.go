package openai

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// names are the error types and codes of the services, in lower case. They take
// precedence over the status: Kimi has three kinds of 429, OpenAI six.
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

	"1113": providers.ClassQuotaDead, // Zhipu, whose codes are numbers: arrears
	"1301": providers.ClassContentBlocked,
	"1302": providers.ClassRateLimited, // calls at once
	"1303": providers.ClassRateLimited,
	"1304": providers.ClassQuotaDead, // calls of a day
	"1305": providers.ClassOverloaded,
	"1308": providers.ClassRateLimited, // hours: the text says until when
	"1309": providers.ClassQuotaDead,
	"1261": providers.ClassContextOverflow,

	"insufficient_user_quota":  providers.ClassQuotaDead, // New API and its kin
	"pre_consume_quota_failed": providers.ClassQuotaDead,
	"sensitive_words_detected": providers.ClassContentBlocked,
	"resource_exhausted":       providers.ClassRateLimited, // Google's names
	"unauthenticated":          providers.ClassAuthDead,
	"permission_denied":        providers.ClassAuthDead,
	"unavailable":              providers.ClassOverloaded,
	"deadline_exceeded":        providers.ClassTimeout,

	"server_error":   providers.ClassServer,
	"internal_error": providers.ClassServer,
}

// miniMaxCodes are the codes of base_resp; unknown ones are of class server.
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

// classify returns the error of a response whose status is not 200.
func classify(status int, body []byte, key providers.Secret) *providers.Error {
	return newError(status, parseError(body, 0), key)
}

// miniMaxCode matches the code at the end of MiniMax's messages.
var miniMaxCode = regexp.MustCompile(`\((\d{4})\)\s*$`)

// miniMaxCodeIn returns the code of MiniMax that a message ends with, or 0.
func miniMaxCodeIn(message string) int {
	if m := miniMaxCode.FindStringSubmatch(message); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil && miniMaxCodes[code] != "" {
			return code
		}
	}
	return 0
}

// newError makes an Error of what a service reported. Its class follows from a
// MiniMax code, a code or type, the status, or the text, in this order. A status
// in the body counts if that of the response is 200 or 500.
func newError(status int, f serviceError, key providers.Secret) *providers.Error {
	reported := status
	if f.Status != 0 && (status < http.StatusBadRequest || status == http.StatusInternalServerError) {
		reported = f.Status
	}
	class, final := classByCode(reported, f)
	if !final {
		class = outbound.ClassByText(class, f.Message)
	}
	e := providers.Errorf(class, "%s", outbound.Clean(f.Message, key))
	if reported >= http.StatusBadRequest || status != http.StatusOK {
		e.Status = reported
	}
	if f.MiniMax != 0 && miniMaxCodeIn(f.Message) == 0 {
		e.Message = strings.TrimSpace(fmt.Sprintf("%s (code %d)", e.Message, f.MiniMax))
	}
	if e.Message == "" {
		e.Message = "the service did not give a reason"
		if code := outbound.Clean(firstOf(f.Code, f.Type), key); code != "" {
			e.Message += " (code " + code + ")"
		}
	}
	return e
}

// classByCode returns the class by codes, types and status, and whether it is final
// or the text may refine it.
func classByCode(status int, f serviceError) (class providers.Class, final bool) {
	if f.MiniMax != 0 {
		class, known := miniMaxCodes[f.MiniMax]
		if !known || class == providers.ClassServer && status >= http.StatusInternalServerError {
			class = providers.ClassOfStatus(max(status, http.StatusInternalServerError)) // which says more
		}
		return class, class != providers.ClassBadRequest
	}
	for _, name := range []string{f.Code, f.Type} {
		c, ok := byName(name)
		vague := c == providers.ClassServer || c == providers.ClassBadRequest
		if !ok || vague && status >= http.StatusInternalServerError {
			continue // a name that stands for every failure: the status says more
		}
		return c, !vague && c != providers.ClassRateLimited
	}
	return providers.ClassOfStatus(status), false
}

// byName returns the class of an error type or code, or of its family, the part
// before the first dot.
func byName(name string) (providers.Class, bool) {
	name = strings.ToLower(name)
	if c, ok := names[name]; ok {
		return c, true
	}
	family, _, _ := strings.Cut(name, ".")
	c, ok := names[family]
	return c, ok
}
