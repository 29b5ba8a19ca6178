package shapes

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// openAIFailures are failures as reported by services with OpenAI's API, and by
// gateways in front of them.
func openAIFailures() []Shape {
	inStream := func(data ...string) func(Exchange) {
		return sends(func(Answer) string { return sse("\n\n", data...) })
	}
	afterPiece := func(rest string) func(Exchange) {
		return sends(func(a Answer) string { first, _ := halves(a.Text); return sse("\n\n", says(first)) + rest })
	}
	later := func(d time.Duration, layout string, zone *time.Location) string {
		return time.Now().Add(d).In(zone).Format(layout)
	}
	const (
		bad, server, overflow   = providers.ClassBadRequest, providers.ClassServer, providers.ClassContextOverflow
		rate, quota, overloaded = providers.ClassRateLimited, providers.ClassQuotaDead, providers.ClassOverloaded
		notOpenAI, rateMessage  = "OpenAI's format", `{"error":{"message":"slow down","type":"rate_limit_error"}}`
	)
	return []Shape{
		{Name: "error-overflow-in-stream", About: "a prompt that is too long, behind status 200 (SGLang)", Class: overflow, Says: "8192", Serve: inStream(`{"error":{"object":"error","message":"Requested token count exceeds the model's maximum context length of 8192 tokens.","type":"BadRequestError","param":null,"code":400}}`, doneEvent)},
		{Name: "error-event-overflow", About: "the same, as an event of its own (LM Studio)", Class: overflow, Says: "Trying to keep", Serve: fails(200, "event: error\ndata: {\"error\":{\"message\":\"Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens\"}}\n\n")},
		{Name: "error-event-message", About: "an error event with a message only (LM Studio)", Class: server, Says: "crashed", Serve: fails(200, "event: error\ndata: {\"message\":\"The model has crashed without additional information.\"}\n\n")},
		{Name: "error-event-text", About: "an error event with a text only", Class: server, Says: "upstream connect error", Serve: fails(200, "event: error\ndata: upstream connect error\n\n")},
		{Name: "error-event-cut", About: "an error event without a blank line at the end", Class: server, Says: "broke", Serve: fails(200, "event: error\ndata: {\"message\":\"it broke\"}")},
		{Name: "error-object-in-stream", About: "an error in an older form (vLLM)", Class: rate, Serve: inStream(`{"object":"error","message":"Rate limited","type":"TooManyRequests","code":429}`)},
		{Name: "error-after-piece", About: "an error behind a piece, with a status as code (OpenRouter)", Class: server, Says: "Provider returned error", Serve: afterPiece(sse("\n\n", `{"id":"x","error":{"code":502,"message":"Provider returned error"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`))},
		{Name: "error-429-after-piece", About: "a rate limit behind a piece", Class: rate, Says: "slow down", Serve: afterPiece(sse("\n\n", rateMessage, doneEvent))},
		{Name: "error-after-answer", About: "an error behind the whole answer and its finish reason", Class: server, Says: "lost", Serve: sends(func(a Answer) string {
			return sse("\n\n", says(a.Text), stops("stop"), `{"error":{"message":"the answer was lost","code":500}}`, doneEvent)
		})},
		{Name: "error-bare-after-piece", About: "an error as bare JSON on several lines, behind a piece", Class: quota, Says: "pay", Serve: afterPiece("{\n \"error\": {\"code\": \"402\",\n \"message\": \"pay\"}\n}\n")},
		{Name: "error-json-in-text", About: "an error that is a text with JSON in it", Class: rate, Says: "slow down", Serve: fails(200, `{"error":{"message":"{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}","type":"upstream_error"}}`)},
		{Name: "error-list", About: "an error in a list (Google)", Class: providers.ClassAuthDead, Says: "API key not valid", Serve: fails(400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`)},
		{Name: "error-true", About: "an error that is true, with the message beside it", Class: overloaded, Says: "model is overloaded", Serve: fails(200, `{"error":true,"message":"the model is overloaded"}`)},
		{Name: "error-status-text", About: "a status that is the text error, behind status 200", Class: server, Says: "no worker", Serve: fails(200, `{"status":"error","message":"no worker took the job"}`)},
		{Name: "error-message-only", About: "a message and nothing else, behind status 200", Class: server, Says: "something went wrong", Serve: fails(200, `{"message":"something went wrong"}`)},
		{Name: "error-success-false", About: "a success that is false", Class: rate, Says: "过于频繁", Serve: fails(200, `{"success":false,"code":4290,"msg":"请求过于频繁，请稍后再试"}`)},
		{Name: "error-as-events", About: "a 429 whose body is an event", Class: rate, Says: "slow down", Serve: fails(429, sse("\n\n", rateMessage))},
		{Name: "error-gzip", About: "a 429 whose body is compressed", Class: rate, Says: "slow down", Serve: answers(429, http.Header{"Content-Encoding": {"gzip"}}, func(Answer) string {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, rateMessage)
			_ = z.Close()
			return b.String()
		})},
		{Name: "error-detail-list", About: "a list of what is wrong (FastAPI)", Class: bad, Says: "Extra inputs are not permitted (body.foo)", Serve: fails(422, `{"detail":[{"type":"extra_forbidden","loc":["body","foo"],"msg":"Extra inputs are not permitted"}]}`)},
		{Name: "error-detail-text", About: "a text in detail (FastAPI)", Class: bad, Says: "no such thing", Serve: fails(400, `{"detail":"no such thing"}`)},
		{Name: "error-400-in-500", About: "a 500 around a 400", Class: bad, Serve: fails(500, `{"error":{"message":"the input is wrong","code":400}}`)},
		{Name: "error-529", About: "status 529", Class: overloaded, Serve: fails(529, ``)},
		{Name: "error-empty-500", About: "status 500 and nothing else", Class: server, Serve: fails(500, ``)},
		{Name: "error-null", About: "status 400 with null as its body", Class: bad, Serve: fails(400, `null`)},

		{Name: "minimax-plan-limit", About: "the limit of a plan inside a 429 (MiniMax)", Class: quota, Serve: fails(429, `{"type":"error","error":{"type":"rate_limit_error","message":"usage limit exceeded (2056)","http_code":"429"},"request_id":"x"}`)},
		{Name: "minimax-plan-limit-number", About: "the same, by its own number", Class: quota, Serve: fails(429, `{"base_resp":{"status_code":2056,"status_msg":"usage limit exceeded"}}`)},
		{Name: "minimax-rate-limit", About: "requests per minute (MiniMax)", Class: rate, Serve: fails(429, `{"type":"error","error":{"type":"rate_limit_error","message":"rate limit exceeded(RPM) (1002)","http_code":"429"}}`)},
		{Name: "zhipu-arrears", About: "an account in arrears, as a 429 (Zhipu)", Class: quota, Says: "欠费", Serve: fails(429, `{"error":{"code":"1113","message":"您的账户已欠费，请充值后重试。"}}`)},
		{Name: "zhipu-five-hour-limit", About: "a limit of five hours, until a time (Zhipu)", Class: rate, Wait: 2*time.Hour + 50*time.Minute, Serve: answers(429, nil, func(Answer) string {
			return `{"error":{"code":"1308","message":"已达到 5 小时的使用上限。您的限额将在 ` + later(3*time.Hour, time.DateTime, time.FixedZone("", 8*60*60)) + ` 重置。"}}`
		})},
		{Name: "zhipu-five-hour-limit-past", About: "the same, until a time that is past", Class: quota, Serve: fails(429, `{"error":{"code":"1308","message":"已达到 5 小时的使用上限。您的限额将在 2026-01-01 09:57:30 重置。"}}`)},
		{Name: "no-channel", About: "a gateway without a channel (New API)", Class: overloaded, Serve: fails(503, `{"error":{"message":"No available channel for model m under group default (distributor)","type":"new_api_error","code":"model_not_found"}}`)},
		{Name: "no-channel-zh", About: "the same, in Chinese", Class: overloaded, Serve: fails(503, `{"error":{"message":"当前分组 default 下对于模型 m 无可用渠道","type":"one_api_error"}}`)},
		{Name: "try-again-in-6m0s", About: "a 429 that names a time as Go writes it", Class: rate, Wait: 6 * time.Minute, Serve: fails(429, `{"error":{"message":"Rate limit reached. Please try again in 6m0s."}}`)},
		{Name: "try-again-zh", About: "a 429 that names a time in Chinese", Class: rate, Wait: 20 * time.Second, Serve: fails(429, `{"error":{"message":"请求过于频繁，请在 20 秒后重试"}}`)},
		{Name: "retry-after-seconds", About: "a 429 with Retry-After in seconds", Class: rate, Wait: 7 * time.Second, Serve: answers(429, http.Header{"Retry-After": {"7"}}, func(Answer) string { return rateMessage })},
		{Name: "retry-after-date", About: "a 429 with Retry-After as a date", Class: rate, Wait: 50 * time.Second, Serve: func(x Exchange) {
			x.W.Header().Set("Retry-After", later(time.Minute, http.TimeFormat, time.UTC))
			fails(429, rateMessage)(x)
		}},
		{Name: "retry-after-nonsense", About: "a 429 with Retry-After as a word", Class: rate, Serve: answers(429, http.Header{"Retry-After": {"soon"}}, func(Answer) string { return rateMessage })},
		{Name: "rate-limit-reset-epoch", About: "a 429 with a reset in Unix milliseconds", Class: rate, Wait: 50 * time.Second, Serve: func(x Exchange) {
			x.W.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			fails(429, rateMessage)(x)
		}},
		{Name: "refuses-response-format", About: "requests with response_format are refused", Calls: 2, Serve: refuses("response_format", 400, `{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error"}}`)},
		{Name: "refuses-stream-options", About: "requests with stream_options are refused", Calls: 2, Serve: refuses("stream_options", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`)},
		{Name: "refuses-temperature", About: "requests with a temperature are refused", Calls: 2, Serve: refuses("temperature", 400, `{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model.","param":"temperature","code":"unsupported_value"}}`)},
		{Name: "hanging-error-body", About: "a 500 whose body never ends", Class: server, Says: "", Serve: func(x Exchange) {
			x.W.WriteHeader(500)
			flush(x.W, `{"error":{"message":"`)
			hold(x)
		}},

		{Name: "broken-json-event", About: "an event that is broken JSON", Class: server, Says: notOpenAI, Serve: fails(200, "data: {\"choices\":[{]}\n\n")},
		{Name: "plain-text", About: "a plain text behind status 200", Class: server, Says: "no healthy upstream", Serve: fails(200, "no healthy upstream")},
		{Name: "choices-number", About: "choices that are a number", Class: server, Serve: inStream(`{"choices":7}`)},
		{Name: "anthropic-events", About: "a stream of another API (Anthropic)", Class: server, Says: notOpenAI, Serve: fails(200, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"{}\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")},
		{Name: "ollama-lines", About: "a stream of another API (Ollama)", Class: server, Says: notOpenAI, Serve: sends(func(a Answer) string { return strings.Join(ollamaLines(a), "\n") })},
	}
}

// openAIWords are error texts under a status that alone says less. Each also
// comes in an event behind status 200, with the status as its code.
func openAIWords() []Shape {
	var all []Shape
	for _, w := range []struct {
		name   string
		status int
		class  providers.Class
		text   string
	}{
		{"balance-zh", 429, providers.ClassQuotaDead, "账户余额不足，请充值"},
		{"credit-balance", 429, providers.ClassQuotaDead, "Your credit balance is too low to access the API"},
		{"token-quota-zh", 429, providers.ClassQuotaDead, "该令牌额度已用尽"},
		{"current-quota", 429, providers.ClassQuotaDead, "You exceeded your current quota, please check your plan"},
		{"user-quota-zh", 403, providers.ClassQuotaDead, "用户额度不足"},
		{"pre-consumed-quota-zh", 403, providers.ClassQuotaDead, "预扣费额度失败, 用户剩余额度: ¥0.01, 需要预扣费额度: ¥0.03"},
		{"user-quota", 403, providers.ClassQuotaDead, "insufficient_user_quota"},
		{"resource-package-zh", 400, providers.ClassQuotaDead, "余额不足或无可用资源包,请充值。"},
		{"arrears-zh", 400, providers.ClassQuotaDead, "账户已欠费"},
		{"sensitive-zh", 400, providers.ClassContentBlocked, "系统检测到输入或生成内容可能包含不安全或敏感内容"},
		{"violation-zh", 400, providers.ClassContentBlocked, "输入内容违规"},
		{"content-policy", 400, providers.ClassContentBlocked, "The response was filtered due to the prompt triggering content management policy"},
		{"sensitive-words", 400, providers.ClassContentBlocked, "sensitive words detected: contains sensitive"},
		{"content-review-zh", 403, providers.ClassContentBlocked, "内容安全审核未通过"},
		{"too-long-zh", 400, providers.ClassContextOverflow, "输入内容过长，超出模型上下文长度"},
		{"prompt-too-long-zh", 400, providers.ClassContextOverflow, "Prompt 超长"},
		{"input-length-zh", 400, providers.ClassContextOverflow, "输入长度超过限制"},
		{"maximum-context", 400, providers.ClassContextOverflow, "This model's maximum context length is 8192 tokens"},
		{"prompt-too-long", 400, providers.ClassContextOverflow, "prompt is too long: 9000 tokens > 8192 maximum"},
		{"context-size-500", 500, providers.ClassContextOverflow, "the request exceeds the available context size"},
		{"queue-zh", 429, providers.ClassRateLimited, "当前模型请求量过大，请求排队位置超过限制"},
		{"rate-and-billing-page", 429, providers.ClassRateLimited, "Rate limit reached: see https://platform.example/account/billing"},
		{"token-invalid-zh", 401, providers.ClassAuthDead, "无效的令牌"},
		{"key-invalid", 401, providers.ClassAuthDead, "invalid key"},
		{"case-sensitive", 404, providers.ClassBadRequest, "model names are case-sensitive"},
		{"load-balancer", 403, providers.ClassAuthDead, "the load balancer refused this address"},
		{"parse-error", 400, providers.ClassBadRequest, "Invalid token '<' at position 0 while parsing the body as JSON"},
	} {
		message, status := strconv.Quote(w.text), strconv.Itoa(w.status)
		all = append(all,
			Shape{Name: "words-" + w.name, About: status + ": " + w.text, Class: w.class, Serve: fails(w.status, `{"error":{"message":`+message+`,"type":"new_api_error"}}`)},
			Shape{Name: "words-" + w.name + "-in-200", About: "the same in an event behind status 200", Class: w.class, Serve: fails(200, sse("\n\n", `{"error":{"message":`+message+`,"code":`+status+`}}`))})
	}
	return all
}
