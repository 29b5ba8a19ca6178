package outbound

import (
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Words by which services and the gateways before them say what a failure is,
// in lower case. A status, and what a service calls its errors, say more; they
// say less where they stand for every failure.
var (
	overflowWords = []string{
		"exceeded model token limit",                                                                  // Kimi
		"maximum context length",                                                                      // OpenAI, DeepSeek, vLLM
		"context window", "context length", "context size", "context_length", "context the overflows", // LM Studio
		"token count exceeds", // SGLang
		"prompt is too long", "prompt too long", "input is too long", "input too long", "range of input length", "too many input tokens",
		"input tokens exceed", "input token count", "longer than the model", "longer than the maximum", "reduce the length of the",
		"上下文长度", "上下文窗口", "超出上下文", "输入过长", "输入内容过长", "文本过长", "内容过长", "输入长度", "prompt 超长", "prompt过长", "prompt超长",
		"长度超过", "长度超出", "超出最大长度", "超过最大长度", "超过模型", "超出模型", "token数超", "tokens超", "token 数超", "tokens 超",
	}
	blockWords = []string{
		"content risk", "content exists risk", "high risk", "content policy", "inappropriate content", // DeepSeek, Kimi, DashScope
		"content management policy", "content filter", "content_filter", "safety system", "moderation", "prohibited content",
		"sensitive content", "sensitive word", "sensitive_word", "sensitive information", "new_sensitive", "contains sensitive",
		"敏感", "违规", "不合规", "内容安全", "安全审核", "审核不通过", "审核未通过", "违反", "不适宜",
	}
	// moneyWords say that an account is out of money, wherever they stand.
	moneyWords = []string{
		"insufficient balance", "insufficient account balance", "balance is insufficient", "insufficient_balance", "balance is not enough", "balance not enough",
		"insufficient credit", "insufficient fund", "insufficient quota", "insufficient_quota", "insufficient_user_quota", "not enough credit",
		"out of credit", "no credits", "credit balance is too low", "exceeded your current quota", "quota exhausted", "quota has been exhausted", "arrear",
		"余额不足", "余额已", "欠费", "额度不足", "额度已用", "额度已耗", "额度用尽", "额度耗尽", "额度失败", "剩余额度", "免费额度", "配额不足", "配额已用", "请充值", "资源包", "套餐已到期",
	}
	// usageWords name a limit of hours or days.
	usageWords = []string{"usage limit", "weekly limit", "daily limit", "使用上限", "用量上限", "每日限额", "每日上限", "调用次数上限"}
	// accountWords are about money where a service refuses its key.
	accountWords  = []string{"balance", "quota", "billing", "额度", "余额", "配额"}
	rateWords     = []string{"rate limit", "too many requests", "请求过于频繁", "请求频率", "频率过高", "频率超", "速率限制", "触发限流", "被限流", "并发数"}
	overloadWords = []string{"overloaded", "at capacity", "no available channel", "无可用渠道", "负载已饱和", "负载过高", "服务繁忙", "系统繁忙", "server busy"}
	keyWords      = []string{"api key not valid", "invalid api key", "invalid api-key", "invalid token", "无效的令牌", "令牌已过期", "无效的api", "密钥无效", "密钥错误"}
)

// ClassByText returns the class that a failure has by its words, where its class
// so far may stand for others: a bad request for a prompt that is too long, a
// rate limit for an account without money, and so on.
func ClassByText(class providers.Class, text string) providers.Class {
	lower := strings.ToLower(text)
	switch class {
	case providers.ClassRateLimited:
		if has(lower, moneyWords) || has(lower, usageWords) {
			return lasting(text)
		}
	case providers.ClassAuthDead:
		if has(lower, blockWords) {
			return providers.ClassContentBlocked
		}
		if has(lower, moneyWords) || has(lower, usageWords) || has(lower, accountWords) {
			return lasting(text)
		}
	case providers.ClassBadRequest, providers.ClassServer:
		for _, c := range []struct {
			words []string
			class providers.Class
		}{
			{overflowWords, providers.ClassContextOverflow}, {blockWords, providers.ClassContentBlocked}, {moneyWords, providers.ClassQuotaDead},
			{keyWords, providers.ClassAuthDead}, {rateWords, providers.ClassRateLimited}, {overloadWords, providers.ClassOverloaded},
		} {
			if has(lower, c.words) {
				return c.class
			}
		}
		if has(lower, usageWords) {
			return lasting(text)
		}
	}
	return class
}

// lasting is the class of a quota that is used up: a matter for a person, unless
// the text names a time within a day at which it comes back.
func lasting(text string) providers.Class {
	if NamedWait(text, time.Now()) > 0 {
		return providers.ClassRateLimited
	}
	return providers.ClassQuotaDead
}

func has(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
