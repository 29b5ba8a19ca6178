package outbound_test

import (
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/outbound"
)

// TestClassByText has texts that say what a failure is, and texts in which the
// same words occur innocently.
func TestClassByText(t *testing.T) {
	for class, texts := range map[providers.Class][]string{
		providers.ClassContextOverflow: {
			"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
			"the request exceeds the available context size", "invalid params, context window exceeds limit", "Prompt 超长", "输入内容过长，超出模型上下文长度",
			"Your request exceeded model token limit: 262144", "Range of input length should be [1, 991808]", "请求的 tokens 数超过模型限制",
			"The input token count (40000) exceeds the maximum number of tokens allowed (32768).", "the prompt does not fit into the context window",
			`upstream error: {"error":{"message":"prompt is too long: 9000 tokens"}}`,
		},
		providers.ClassContentBlocked: {
			"Content Exists Risk", "The request was rejected because it was considered high risk", "Input data may contain inappropriate content.",
			"Your request was rejected as a result of our safety system.", "The response was filtered due to the prompt triggering content management policy",
			"input new_sensitive", "content is sensitive", "系统检测到输入或生成内容可能包含不安全或敏感内容", "输入内容违规", "违反相关法律法规", "内容安全审核未通过", "content filter was triggered by the prompt",
		},
		providers.ClassQuotaDead: {
			"Insufficient Balance", "insufficient_user_quota", "账户余额不足，请充值", "The account is in arrears", "You exceeded your current quota, please check your plan",
			"预扣费额度失败, 用户剩余额度: ¥0.01, 需要预扣费额度: ¥0.03", "余额不足或无可用资源包", "免费额度已用完", "Weekly limit reached",
			`bad response: {"error":{"message":"Insufficient Balance"}}`,
		},
		providers.ClassAuthDead: {
			"API key not valid. Please pass a valid API key.", "Invalid API-key provided.", "API key expired. Please renew the API key.", "Invalid token", "无效的令牌", "该令牌已过期",
		},
		providers.ClassRateLimited: {
			"Rate limit reached for requests", "You are being rate limited", "Too many requests", "请求过于频繁，请稍后再试", "您的账户已达到速率限制", "并发数超过上限",
		},
		providers.ClassOverloaded: {
			"The engine is currently overloaded", "We are at capacity right now", "server busy, please try again", "Model m is currently loading", "The model is still loading", "当前分组负载已饱和", "系统繁忙，请稍后再试",
		},
		providers.ClassBadRequest: {
			"model names are case-sensitive", "模型名称大小写敏感", "模型名对大小写敏感，请检查", "the load balancer has no healthy upstream", "违反参数约束",
			"no model has that capacity", "our corporate limit is 10 tools", "Invalid token '<' at position 0 of the JSON", "Unexpected end of JSON: invalid token",
			"unknown parameter: rate_limit", "Invalid field: rate limit", "Unrecognized request argument supplied: content_filter", "unknown parameter: context_length",
			"the parameter context window must be positive", "Model 'omni-moderation-latest' does not support chat", "the moderation model does not exist",
			"Invalid 'name': string too long, longer than the maximum of 64", "标题内容过长", "字段 name 长度超过 64 个字符", "max_tokens 超过模型限制",
			"Invalid value: 'insufficient balance'", `tool "too many requests" has no description`, "参数 quota 无效", "资源包名称不存在", "本模型不支持免费额度查询",
			"See our content policy for the fields that are allowed", "tag “欠费” is not allowed", "the safety_identifier is too long", "the usage limit field must be a number",
			"temperature is too high", "overloading is not supported", "error loading model: bad magic", "failed while loading model weights", "system message must come first",
		},
	} {
		for _, text := range texts {
			if got := outbound.ClassByText(providers.ClassBadRequest, text); got != class {
				t.Errorf("%q is %s, want %s", text, got, class)
			}
		}
	}
}

// TestAKeyThatIsRefused tells an account without money from a key that is wrong.
func TestAKeyThatIsRefused(t *testing.T) {
	for text, want := range map[string]providers.Class{
		"Your account balance is insufficient":          providers.ClassQuotaDead,
		"billing is disabled for this account":          providers.ClassQuotaDead,
		"用户额度不足":                                        providers.ClassQuotaDead,
		"内容安全审核未通过":                                     providers.ClassContentBlocked,
		"the load balancer does not allow this address": providers.ClassAuthDead,
		"this key may not read the quota":               providers.ClassAuthDead,
		"API key lacks the scope billing.read":          providers.ClassAuthDead,
		"access denied; model names are case-sensitive": providers.ClassAuthDead,
		"IP 不在白名单中，违规调用将被封禁":                            providers.ClassAuthDead,
		"5 小时的使用上限已到，额度将在 20 分钟后恢复 (已达到使用上限)":           providers.ClassRateLimited,
	} {
		if got := outbound.ClassByText(providers.ClassAuthDead, text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]providers.Class{
		"账户余额不足，请充值":                                                       providers.ClassQuotaDead,
		"Rate limit reached: see https://platform.example/account/billing": providers.ClassRateLimited,
		"Too many requests; your usage limit is 60 per minute":             providers.ClassRateLimited,
		"usage limit exceeded":                                             providers.ClassQuotaDead,
		"剩余额度 1000 次，请求过于频繁":                                               providers.ClassRateLimited,
	} {
		if got := outbound.ClassByText(providers.ClassRateLimited, text); got != want {
			t.Errorf("429 %q is %s, want %s", text, got, want)
		}
	}
}

func FuzzClassByText(f *testing.F) {
	f.Add("Invalid value: 'x'. 余额不足")
	f.Fuzz(func(t *testing.T, text string) {
		for _, class := range providers.Classes() {
			if got := outbound.ClassByText(class, text); got == "" {
				t.Errorf("%q has no class", text)
			}
		}
	})
}
