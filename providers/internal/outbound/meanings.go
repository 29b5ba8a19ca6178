package outbound

import (
	"regexp"
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// meaning recognizes one thing that an error text can say, sentence by sentence. A
// word alone proves nothing: a load balancer is not a balance, and a
// case-sensitive name is not sensitive content. The patterns therefore have the
// words in the order and context in which services and gateways use them.
type meaning struct {
	says *regexp.Regexp
	not  *regexp.Regexp // excludes a sentence; may be nil
}

func means(not string, says ...string) meaning {
	m := meaning{says: regexp.MustCompile(strings.Join(says, "|"))}
	if not != "" {
		m.not = regexp.MustCompile(not)
	}
	return m
}

// The meanings. Sentences are in lower case.
var (
	promptTooLong = means(`max_(completion_)?tokens|字段|名称|标题|文件名|用户名`,
		`maximum context (length|size|window)`, `context_length_exceeded`, `context the overflows`, // the last is LM Studio's
		`(exceed\w*|larger than|longer than|too (long|large)|beyond|\bover|overflow\w*|fit)\b.*\bcontext[ _-](length|window|size)`,
		`\bcontext[ _-](length|window|size)\b.*(exceed|overflow|too small|is only|of only|reached)`,
		`exceed\w* model token limit`, `\btoken count exceeds`, `\binput token(s| count)\b.*exceed`, `exceed\w*.*\binput tokens?\b`,
		`too many (input|prompt) tokens`, `\b(prompt|input|messages?|conversation)s? (is |are )?too long`, `range of input length`,
		`\b(tokens?|context|prompt|input)\b.*longer than the (model|maximum)`, `longer than the (model|maximum).*\b(tokens?|context|prompt|input)\b`,
		`reduce the length of (the|your) (messages?|prompt|input|completion|conversation)`,
		`(上下文|输入|提示词|prompt|tokens?|文本|内容|消息|请求|对话)[^，,]{0,12}(过长|超长|太长|超过|超出|超限)`,
		`(超过|超出)[^，,]{0,10}(上下文|最大长度|输入长度|tokens?|模型[^，,]{0,6}长度)`, `输入长度`,
	)
	textBlocked = means(`大小写|区分`,
		`content (exists )?risk`, `\b(considered|is|as) high[- ]risk`, `inappropriate content`, `prohibited content`, `sensitive_words?_detected`,
		`(violat|trigger|against|flag|block|reject|refus|filter)\w*.*\bcontent( management)? polic(y|ies)`,
		`\bcontent( management)? polic(y|ies).*(violat|trigger|flag|block|reject|refus|filter)`,
		`(filter|block|flag|reject|stopp|refus)\w*.*\b(content[ _]filter\w*|safety|moderation)\b`,
		`\b(content[ _]filter|safety (system|filter|check)|moderation)\b.*(filtered|block|flag|reject|trigger|refus|violat)`,
		`(contain|detect|include|including)\w*.*\bsensitive[ _](content|words?|information)`, `\bsensitive[ _](content|words?) ?(is |are |was |were )?(detected|found)`,
		`\b(content|text|input|output|prompt|message) (is |was |are )?sensitive\b`,
		`\b(in|out)put new_sensitive`, // MiniMax
		`敏感(内容|信息|词|话题)`, `(涉|含|命中)[^，,]{0,8}敏感`, `内容[^，,]{0,6}敏感`,
		`(内容|输入|输出|文本|提示词|信息)[^，,]{0,10}(违规|不合规|不适宜)`, `违规(内容|信息|词)`, `违反[^，,]{0,20}(法律|法规|政策|规范|公约)`,
		`内容安全[^，,]{0,10}(未通过|不通过|拦截|命中|限制|拒绝)`, `审核(不|未)通过`, `安全审核`,
	)
	outOfMoney = means("",
		`\binsufficient[ _](account |user |token |user_)?(balance|credits?|funds?|quota)\b`, `\bbalance (is |was )?(insufficient|not enough|too low)`,
		`\bnot enough (credits?|balance|quota)\b`, `\bout of credits?\b`, `\b(have|has|with) no credits\b`, `\bno credits (left|remaining|available)`,
		`\bexceeded your (current|monthly) quota`, `\bquota (has been |is |was )?(exhausted|used up|depleted)`, `\barrear(s|age)?\b`,
		`余额(不足|已|为 ?0|为零)`, `欠费`, `额度(不足|已用|已耗|用尽|耗尽|失败)`, `剩余额度.*(不足|需要|低于)`, `免费额度[^，,]{0,8}(用尽|用完|耗尽|已用|不足|到期)`,
		`配额(不足|已用|用尽|耗尽)`, `请充值`, `(无|没有)可用[^，,]{0,4}资源包`, `资源包[^，,]{0,8}(用尽|用完|耗尽|不足|到期|过期)`, `套餐已?到期`,
	)
	// usageUp is an exhausted limit per hours or days.
	usageUp = means("",
		`\b(usage|weekly|daily|monthly) limit (has been |is |was )?(exceeded|reached|hit)`, `\b(exceed|reach|hit)\w*.*\b(usage|weekly|daily|monthly) limit`,
		`(达到|已达|超过|超出|触及)[^，,]{0,16}(使用上限|用量上限|每日限额|每日上限|调用次数上限)`, `(使用上限|用量上限|每日限额|每日上限|调用次数上限)[^，,]{0,4}已`,
	)
	// accountClosed is about money, in a response that rejects the key.
	accountClosed = means("",
		`\b(balance|quota|billing)\b.*(exceed|insufficient|exhaust|enough|disabled|suspend|overdue|too low|used up|inactive|not active|unpaid)`,
		`(exceed|insufficient|exhaust|enough|disabled|suspend|overdue|unpaid)\w*.*\b(balance|quota|billing)\b`,
		`(额度|余额|配额)[^，,]{0,8}(不足|不够|用尽|用完|耗尽|为 ?0)`,
	)
	tooOften = means(`\b(unknown|invalid|unsupported|parameter|field|header)\b`,
		`\btoo many (concurrent )?requests\b`, `\brate[ -]limit(s|ed|ing)?\b`, `\brequests? (is |are |was |were )?throttled`,
		`(请求|调用|访问)[^，,]{0,6}频繁`, `频率[^，,]{0,6}(过高|过快|超|限制)`, `速率限制`, `触发了?限流|被限流`, `并发(数|请求)?[^，,]{0,8}(超|达到|过高|过多|上限)`,
	)
	tooBusy = means(`\b(error|fail(ed|ure)?)\b.*\bload`,
		`\boverloaded\b`, `\bat (full |max(imum)? )?capacity\b`, `\bno available channel\b`, `\bserver (is )?(too )?busy\b`,
		`\bmodel (\S+ )?(is )?(currently |still )?loading\b|\bloading model\b`, `模型(正在)?加载`,
		`无可用渠道`, `负载(已饱和|过高|已满)`, `(服务|系统|服务器|模型)繁忙`,
	)
	badKey = means(`\bjson\b|\bpars(e|ing)\b|\bsyntax\b|\bdecod|\btoken (at|in|near|count|limit)\b`,
		`\bapi[ -]?key (is |has )?(not valid|invalid|expired|revoked|disabled)\b`, `\b(invalid|incorrect|wrong) api[ _-]?key\b`, `\b(invalid|expired) (access |api |auth |bearer |authentication )?token\b`,
		`无效的(令牌|api|密钥)`, `令牌(已过期|无效|不存在|已失效)`, `(密钥|api ?key)(无效|错误|不正确|已失效)`,
	)
)

// in reports whether one of the sentences has the meaning.
func (m meaning) in(sentences []string) bool {
	for _, s := range sentences {
		if m.says.MatchString(s) && (m.not == nil || !m.not.MatchString(s)) {
			return true
		}
	}
	return false
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?;]+(\s+|$)|[。！？；\n]+`)
	// quotation matches what a text quotes, such as the value it complains about.
	quotation = regexp.MustCompile("`[^`]*`|“[^”]*”|「[^」]*」" + `|(^|[\s(:,，：])'[^']*'($|[\s).:;,，。：])`)
	// inQuotes is a quotation too, unless the text holds JSON.
	inQuotes = regexp.MustCompile(`"[^"]*"`)
)

// maxRead bounds how much of a text is searched, in bytes.
const maxRead = 8 << 10

// sentences returns the sentences of a text in lower case, without quotations,
// which repeat the caller's words.
func sentences(text string) []string {
	text = strings.ToLower(clip(text, maxRead))
	text = quotation.ReplaceAllString(text, "$1 … $2")
	if !strings.Contains(text, "{") {
		text = inQuotes.ReplaceAllString(text, "…")
	}
	return sentenceEnd.Split(text, -1)
}

// ClassByText refines the class of a failure by its text, where the class may hide
// another: a bad request may be a prompt that is too long, a rate limit an account
// without money. Other classes are returned unchanged.
func ClassByText(class providers.Class, text string) providers.Class {
	said := sentences(text)
	switch class {
	case providers.ClassRateLimited:
		if outOfMoney.in(said) || usageUp.in(said) {
			return quotaClass(text)
		}
	case providers.ClassAuthDead:
		if textBlocked.in(said) {
			return providers.ClassContentBlocked
		}
		if outOfMoney.in(said) || usageUp.in(said) || accountClosed.in(said) {
			return quotaClass(text)
		}
	case providers.ClassBadRequest, providers.ClassServer:
		for _, c := range []struct {
			meaning
			class providers.Class
		}{
			{promptTooLong, providers.ClassContextOverflow}, {textBlocked, providers.ClassContentBlocked}, {outOfMoney, providers.ClassQuotaDead},
			{badKey, providers.ClassAuthDead}, {tooOften, providers.ClassRateLimited}, {tooBusy, providers.ClassOverloaded},
		} {
			if c.in(said) {
				return c.class
			}
		}
		if usageUp.in(said) {
			return quotaClass(text)
		}
	}
	return class
}

// quotaClass returns the class of an exhausted quota: quota_dead, which needs a
// person, unless the text names a time within a day at which the quota is reset.
func quotaClass(text string) providers.Class {
	if NamedWait(text, time.Now()) > 0 {
		return providers.ClassRateLimited
	}
	return providers.ClassQuotaDead
}
