package providertest

import (
	"strconv"
	"time"

	"github.com/topcentral/spillway/providers"
)

// OpenAIFailures are failures as services with OpenAI's API, and the gateways
// before them, tell them.
func OpenAIFailures() []Exchange {
	tomorrow := time.Now().Add(3 * time.Hour).In(time.FixedZone("", 8*60*60)).Format(time.DateTime)
	piece := chunkOf(`{"content":"{"}`)
	all := []Exchange{
		{Name: "SGLang: a prompt that is too long, in the stream", Body: sse("\n\n", `{"error":{"object":"error","message":"Requested token count exceeds the model's maximum context length of 8192 tokens.","type":"BadRequestError","param":null,"code":400}}`, doneChunk), Class: providers.ClassContextOverflow, Says: "8192"},
		{Name: "LM Studio: the same, as an event of its own", Body: "event: error\ndata: {\"error\":{\"message\":\"Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens\"}}\n\n", Class: providers.ClassContextOverflow, Says: "Trying to keep"},
		{Name: "LM Studio: an event with a message only", Body: "event: error\ndata: {\"message\":\"The model has crashed without additional information.\"}\n\n", Class: providers.ClassServer, Says: "crashed"},
		{Name: "an event with a text only", Body: "event: error\ndata: upstream connect error\n\n", Class: providers.ClassServer, Says: "upstream connect error"},
		{Name: "vLLM: an older form", Body: sse("\n\n", `{"object":"error","message":"Rate limited","type":"TooManyRequests","code":429}`), Class: providers.ClassRateLimited},
		{Name: "OpenRouter: a code that is a status, behind a piece", Body: sse("\n\n", piece, `{"id":"x","error":{"code":502,"message":"Provider returned error"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`), Class: providers.ClassServer, Says: "Provider returned error"},
		{Name: "an error as bare JSON behind a piece", Body: sse("\n\n", piece) + "{\n \"error\": {\"code\": \"402\",\n \"message\": \"pay\"}\n}\n", Class: providers.ClassQuotaDead, Says: "pay"},
		{Name: "an error that is a text with JSON in it", Body: `{"error":{"message":"{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}","type":"upstream_error"}}`, Class: providers.ClassRateLimited, Says: "slow down"},
		{Name: "an error that is a list (Google)", Status: 400, Body: `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, Class: providers.ClassAuthDead, Says: "API key not valid"},
		{Name: "a success that is none", Body: `{"success":false,"code":4290,"msg":"请求过于频繁，请稍后再试"}`, Class: providers.ClassRateLimited, Says: "过于频繁"},
		{Name: "FastAPI: a list of what is wrong", Status: 422, Body: `{"detail":[{"type":"extra_forbidden","loc":["body","foo"],"msg":"Extra inputs are not permitted"}]}`, Class: providers.ClassBadRequest, Says: "Extra inputs are not permitted (body.foo)"},
		{Name: "FastAPI: a text", Status: 400, Body: `{"detail":"no such thing"}`, Class: providers.ClassBadRequest, Says: "no such thing"},
		{Name: "a 500 around a 400", Status: 500, Body: `{"error":{"message":"the input is wrong","code":400}}`, Class: providers.ClassBadRequest},

		{Name: "MiniMax: the plan's limit inside a 429", Status: 429, Body: `{"type":"error","error":{"type":"rate_limit_error","message":"usage limit exceeded (2056)","http_code":"429"},"request_id":"x"}`, Class: providers.ClassQuotaDead},
		{Name: "MiniMax: the same by its own number", Status: 429, Body: `{"base_resp":{"status_code":2056,"status_msg":"usage limit exceeded"}}`, Class: providers.ClassQuotaDead},
		{Name: "MiniMax: requests per minute", Status: 429, Body: `{"type":"error","error":{"type":"rate_limit_error","message":"rate limit exceeded(RPM) (1002)","http_code":"429"}}`, Class: providers.ClassRateLimited},

		{Name: "Zhipu: arrears", Status: 429, Body: `{"error":{"code":"1113","message":"您的账户已欠费，请充值后重试。"}}`, Class: providers.ClassQuotaDead, Says: "欠费"},
		{Name: "Zhipu: a limit of hours, until a time", Status: 429, Body: `{"error":{"code":"1308","message":"已达到 5 小时的使用上限。您的限额将在 ` + tomorrow + ` 重置。"}}`, Class: providers.ClassRateLimited, Wait: 2*time.Hour + 50*time.Minute},
		{Name: "Zhipu: the same, until a time that is past", Status: 429, Body: `{"error":{"code":"1308","message":"已达到 5 小时的使用上限。您的限额将在 2026-01-01 09:57:30 重置。"}}`, Class: providers.ClassQuotaDead},
		{Name: "New API: no channel now", Status: 503, Body: `{"error":{"message":"No available channel for model m under group default (distributor)","type":"new_api_error","code":"model_not_found"}}`, Class: providers.ClassOverloaded},
		{Name: "New API: no channel now, in Chinese", Status: 503, Body: `{"error":{"message":"当前分组 default 下对于模型 m 无可用渠道","type":"one_api_error"}}`, Class: providers.ClassOverloaded},

		{Name: "words: try again in 6m0s", Status: 429, Body: `{"error":{"message":"Rate limit reached. Please try again in 6m0s."}}`, Class: providers.ClassRateLimited, Wait: 6 * time.Minute},
		{Name: "words: in Chinese", Status: 429, Body: `{"error":{"message":"请求过于频繁，请在 20 秒后重试"}}`, Class: providers.ClassRateLimited, Wait: 20 * time.Second},
	}
	words := []struct {
		status int
		class  providers.Class
		texts  []string
	}{
		{429, providers.ClassQuotaDead, []string{"账户余额不足，请充值", "Your credit balance is too low to access the API", "该令牌额度已用尽", "You exceeded your current quota, please check your plan"}},
		{403, providers.ClassQuotaDead, []string{"用户额度不足", "预扣费额度失败, 用户剩余额度: ¥0.01, 需要预扣费额度: ¥0.03", "insufficient_user_quota"}},
		{400, providers.ClassQuotaDead, []string{"余额不足或无可用资源包,请充值。", "账户已欠费"}},
		{400, providers.ClassContentBlocked, []string{"系统检测到输入或生成内容可能包含不安全或敏感内容", "输入内容违规", "The response was filtered due to the prompt triggering content management policy", "sensitive words detected: contains sensitive"}},
		{403, providers.ClassContentBlocked, []string{"内容安全审核未通过"}},
		{400, providers.ClassContextOverflow, []string{"输入内容过长，超出模型上下文长度", "Prompt 超长", "输入长度超过限制", "This model's maximum context length is 8192 tokens", "prompt is too long: 9000 tokens > 8192 maximum"}},
		{500, providers.ClassContextOverflow, []string{"the request exceeds the available context size"}},
		{429, providers.ClassRateLimited, []string{"当前模型请求量过大，请求排队位置超过限制", "Rate limit reached: see https://platform.example/account/billing"}},
		{401, providers.ClassAuthDead, []string{"无效的令牌", "invalid key"}},
		{404, providers.ClassBadRequest, []string{"model names are case-sensitive"}},
	}
	for _, w := range words {
		for _, text := range w.texts {
			body := `{"error":{"message":` + strconv.Quote(text) + `,"type":"new_api_error"}}`
			all = append(all, Exchange{Name: "words of a " + strconv.Itoa(w.status) + ": " + text, Status: w.status, Body: body, Class: w.class})
			inside := `{"error":{"message":` + strconv.Quote(text) + `,"code":` + strconv.Itoa(w.status) + `}}`
			all = append(all, Exchange{Name: "the same inside a 200: " + text, Body: sse("\n\n", inside), Class: w.class})
		}
	}
	return all
}

// OllamaExchanges are answers of Ollama, of what copies it and of what stands
// before it.
func OllamaExchanges() []Exchange {
	const text = `{"a": 1}`
	line := func(content string) string {
		return `{"message":{"role":"assistant","content":` + content + `},"done":false}`
	}
	piece, last := line(`"{\"a\": 1}"`), `{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":90,"eval_count":60}`
	used := providers.Usage{Input: 90, Output: 60}
	return []Exchange{
		{Name: "CRLF and a byte order mark", Body: "\ufeff" + piece + "\r\n" + last + "\r\n", Text: text, Usage: used},
		{Name: "one object over several lines", Body: "{\n\"message\": {\"content\": \"{\\\"a\\\": 1}\"},\n\"done\": true,\n\"prompt_eval_count\": 90.0, \"eval_count\": \"60\"\n}", Text: text, Usage: used},
		{Name: "as events", Body: sse("\n\n", piece, last), Text: text, Usage: used},
		{Name: "other types", Body: `{"model":7,"created_at":null,"message":{"content":"{\"a\": 1}","thinking":null,"tool_calls":{}},"done":"false"}` + "\n" + `{"message":null,"done":"true","done_reason":7,"load_duration":"12","total_duration":{},"prompt_eval_count":90.0,"eval_count":"60"}`, Text: text, Usage: used},
		{Name: "half characters", Body: line(`"{\"a\": \"\ud83d"`) + "\n" + line(`"\ude80\"}"`) + "\n" + last, Text: `{"a": "🚀"}`, Usage: used},
		{Name: "an error that is none", Body: `{"error":"","message":{"content":"{\"a\": 1}"},"done":false}` + "\n" + last, Text: text, Usage: used},
		{Name: "done reason error", Body: piece + "\n" + `{"done":true,"done_reason":"error"}`, Class: providers.ClassServer},
		{Name: "an error with a status of its own", Body: `{"error":"{\"error\":{\"code\":429,\"message\":\"slow down\"}}"}`, Class: providers.ClassRateLimited},
		{Name: "a gateway's words", Status: 403, Body: `{"error":{"message":"账户余额不足"}}`, Class: providers.ClassQuotaDead},
		{Name: "a plain text", Body: "no healthy upstream", Class: providers.ClassServer, Says: "is it Ollama?"},
	}
}
