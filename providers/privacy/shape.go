package privacy

import (
	"iter"
	"net/netip"
	"regexp"
	"strings"
)

// shape is a value that its form or the word before it identifies. The value is
// the expression's last group.
type shape struct {
	kind    Kind
	trigger []string // the search is only worth while where the lower-case text holds one of them
	form    *regexp.Regexp
	accept  func(f *folded, i, j int) bool // nil: always
}

// pem is the one shape that goes over several lines.
var pem = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)`)

var shapes = []shape{
	{Secret, []string{"eyj"}, regexp.MustCompile(`(eyJ[\w-]{5,}\.[\w-]{4,}(?:\.[\w-]*)?)`), nil},
	{Secret, []string{"sk-", "rk-", "pk-", "sk_", "rk_", "pk_"}, regexp.MustCompile(`((?:sk|rk|pk)[-_][A-Za-z0-9_-]{12,})`), alone},
	{Secret, []string{"akia", "asia", "ltai", "akid", "aiza", "ya29"}, regexp.MustCompile(`((?:AKIA|ASIA)[0-9A-Z]{12,}|LTAI[0-9A-Za-z]{10,}|AKID[0-9A-Za-z]{12,}|AIza[\w-]{30,}|ya29\.[\w-]{20,})`), alone},
	{Secret, []string{"gh", "glpat", "xox", "whsec_", "hf_", "npm_"}, regexp.MustCompile(`(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|whsec_[\w+/=]{16,}|hf_[A-Za-z]{20,}|npm_[A-Za-z0-9]{20,})`), alone},
	{Secret, []string{"bearer", "basic "}, regexp.MustCompile(`(?i)(?:bearer|basic) +([\w.+/=~-]{12,})`), nil},
	{Secret, []string{"密码", "口令", "密钥", "秘钥", "pass", "pwd", "secret", "key", "token"},
		regexp.MustCompile(`(?i)(?:密码|口令|密钥|秘钥|password|passwd|passcode|pwd|secret|(?:api|app|access|client)[_ -]?(?:key|id|secret)|access[_ -]?key|token)(?:"?[ ]*[:=：]+[ ]*"?|是|为| is )[ ]*([!-~]{4,})`), secretLike},
	{Secret, []string{"密码", "口令", "提取码", "验证码", "密钥", "pass", "pwd"},
		regexp.MustCompile(`(?i)(?:密码|口令|提取码|访问码|验证码|密钥|password|passwd|passcode|pwd)(?:是|为|:)?[ ]*([!-~]{4,})`), passwordLike},
	{Secret, []string{"pw", "pass", "login", "cred"}, regexp.MustCompile(`(?i)\b(?:pw|pass|passphrase|login|creds?|credentials?)\b(?:[ ]?[:=/]| is| are)?[ ]*([!-~]{4,})`), passwordLike},
	{Handle, []string{"login", "user"}, regexp.MustCompile(`(?i)\b(?:login|user(?:name| ?id)?)\b(?: (?:for|of|to|on)(?: [a-z]+){1,4})?(?: is|[ ]?[:=])[ ]*([A-Za-z][\w.-]{3,30})`), isHandle},
	{Secret, []string{"密码", "口令", "提取码", "验证码", "门禁码"}, regexp.MustCompile(`(?:密码|口令|提取码|验证码|门禁码)(?:是|为|:)?[ ]*([0-9]{4,8}[#*]?)`), alone},
	{Link, []string{"://", "www."}, regexp.MustCompile(`(?i)((?:[a-z][a-z0-9+.-]*://|www\.)[\w.~:/?#@!$&'*+,;=%\[\]-]+)`), nil},
	{Email, []string{"@"}, regexp.MustCompile(`([A-Za-z0-9][A-Za-z0-9._%+-]* ?@ ?[A-Za-z0-9][A-Za-z0-9-]*(?: ?\. ?[A-Za-z0-9-]+)*\.[A-Za-z]{2,24})`), nil},
	{Host, []string{"."}, regexp.MustCompile(`((?:\d{1,3}\.){3}\d{1,3})`), isHost},
	{Host, []string{":"}, regexp.MustCompile(`((?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})`), isHost},
	{CreditCode, nil, regexp.MustCompile(`([0-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{17})`), isCreditCode},
	{CreditCode, nil, regexp.MustCompile(`([0-9A-Z]{2} \d{6} [0-9A-Z]{9} [0-9A-Z]|[0-9A-Z]{2}-?\d{6}-[0-9A-Z]{9}-[0-9A-Z]|[0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{2}|[0-9A-Z]{6} [0-9A-Z]{6} [0-9A-Z]{6})`), isCreditCode},
	{CreditCode, []string{"税号", "信用代码", "识别号", "执照"}, regexp.MustCompile(`(?:税号|信用代码|识别号|执照号|执照)[号码]?[ :：是为]*([0-9A-Za-z]{15,20})`), alone},
	{ResidentID, []string{"身份证", "证件"}, regexp.MustCompile(`(?:身份证|证件)(?:号码|号)?[ :：是为]*((?:\d[ -]?){14,17}[\dXx])`), alone},
	{BankCard, []string{"账", "帐", "卡号", "account", "a/c", "iban", "card"}, regexp.MustCompile(`(?i)(?:账号|帐号|账户|帐户|卡号|account(?: no\.?| number)?|a/c(?: no\.?)?|card(?: no\.?| number)?)[ :：#是为]*((?:\d[ -]?){7,29}\d)`), alone},
	{BankCard, nil, regexp.MustCompile(`([A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?)`), isIBAN},
	{Phone, []string{"电话", "座机", "传真", "tel", "fax", "phone", "手机", "热线", "分机"},
		regexp.MustCompile(`(?i)(?:电话|座机|传真|热线|手机号?码?|tel|fax|telephone|phone|mobile|分机)(?: ?(?:number|no\.?|号码?))?[ :：.是为]*(\+?\(?\d[\d ()-]{5,18}\d)`), isCall},
	{Phone, []string{"分机", "直线", "直拨", "转接"}, regexp.MustCompile(`(?:分机号?|直线|直拨|转接)[ :：]*(\d{3,8})`), alone},
	{Phone, []string{"①", "②", "③"}, regexp.MustCompile(`([⓪①②③④⑤⑥⑦⑧⑨]{7,})`), nil},
	{BankCard, []string{"支行", "分行", "营业部", "对公户", "基本户", "一般户"}, regexp.MustCompile(`(?:支行|分行|营业部|对公户|基本户|一般户)[ :：,]*((?:\d[ -]?){8,29}\d)`), alone},
	{Handle, []string{"账号", "帐号", "账户", "用户名", "工号"}, regexp.MustCompile(`(?:账号|帐号|账户|用户名|工号)[ :：是为]*([A-Za-z][\w.-]{3,30})`), isHandle},
	{Email, []string{" at ", "(at)", "[at]"}, regexp.MustCompile(`(?i)([a-z0-9][\w.+-]*(?: at | ?[(\[]at[)\]] ?)[a-z0-9-]+(?:(?: dot | ?[(\[]dot[)\]] ?|\.)[a-z0-9-]+){0,3}(?: dot | ?[(\[]dot[)\]] ?|\.)[a-z]{2,6})`), alone},
	{BankCard, []string{"尾号"}, regexp.MustCompile(`尾号(?:为|是)?[ :]*(\d{3,6})`), nil},
	{Reference, []string{"发票号", "发票代码", "票据号", "invoice"}, regexp.MustCompile(`(?i)(?:发票号码?|发票代码|票据号码?|invoice (?:no\.?|number))[ :#是为]*([0-9]{8,20})`), alone},
	{Phone, []string{"零", "〇", "幺", "一"}, regexp.MustCompile(`([〇零一幺壹二两三四五六七八九]{8,})`), nil},
	{Phone, []string{"1", "幺", "一"}, regexp.MustCompile(`([一幺壹][三四五六七八九][〇零一幺二三四五六七八九]{9})`), nil},
	{Plate, nil, regexp.MustCompile(`([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Za-hj-np-z][ ·-]?[A-HJ-NP-Za-hj-np-z0-9]{4,6}[挂学警港澳]?)`), isPlate},
	{Passport, []string{"护照", "通行证", "passport"}, regexp.MustCompile(`(?i)(?:护照|通行证|passport)(?: ?(?:number|no\.?|号码?))?[ :：#是为]*([A-Z]{1,2}\d{6,9}|\d{9})`), alone},
	{Passport, nil, regexp.MustCompile(`([EG]\d{8}|E[A-HJ-NP-Z]\d{7})`), isPassport},
	{Handle, []string{"微信", "weixin", "wechat", "wx", "vx", "qq", "whatsapp", "skype", "telegram", "钉钉"},
		regexp.MustCompile(`(?i)(?:微信号?|weixin|wechat(?: ?id)?|wx|vx|qq号?|whatsapp|skype|telegram|钉钉)(?:号码?|群|id|是|为|加)*[ :：@]*([A-Za-z][\w-]{4,24}|\+?\d{5,14})`), isHandle},
}

// formed finds the values that their form identifies.
func formed(f *folded) []span {
	var spans []span
	if strings.Contains(f.text, "-----BEGIN") {
		for _, m := range pem.FindAllStringIndex(f.text, -1) {
			spans = append(spans, f.source(m[0], m[1], Secret, rankShape))
		}
	}
	for from, to := range sentences(f.text) {
		text, lower := f.text[from:to], f.lower[from:to]
		signs := alphanumerics(text)
		for _, s := range shapes {
			if s.trigger == nil && signs < fewest[s.kind] || !triggered(lower, s.trigger) {
				continue
			}
			for _, m := range s.form.FindAllStringSubmatchIndex(text, -1) {
				i, j := from+m[len(m)-2], from+m[len(m)-1]
				for j > i && strings.ContainsRune(" .,;:-'\")", rune(f.text[j-1])) {
					j--
				}
				if j > i && (s.accept == nil || s.accept(f, i, j)) {
					spans = append(spans, f.source(i, j, s.kind, rankShape))
				}
			}
		}
	}
	return spans
}

// sentences cuts a text where no value goes on, so that only those pieces are
// searched for a shape that have its trigger.
func sentences(text string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from := 0
		for i, r := range text {
			if r == '。' || r == '；' || r == '，' || r == '\n' || r == '、' {
				if i > from && !yield(from, i) {
					return
				}
				from = i + len(string(r))
			}
		}
		if from < len(text) {
			yield(from, len(text))
		}
	}
}

func triggered(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return len(words) == 0 && hasDigits(text)
}

// fewest is how many ASCII letters and digits a shape without a trigger has at
// least; a sentence with fewer need not be searched for it.
var fewest = map[Kind]int{CreditCode: 18, BankCard: 15, Passport: 9, Plate: 5}

// alphanumerics counts the ASCII letters and digits of a text.
func alphanumerics(text string) int {
	n := 0
	for i := range len(text) {
		if c := text[i] | 0x20; isDigit(text[i]) || 'a' <= c && c <= 'z' {
			n++
		}
	}
	return n
}

// hasLetters reports whether a text has an ASCII letter.
func hasLetters(text string) bool {
	for i := range len(text) {
		if c := text[i] | 0x20; 'a' <= c && c <= 'z' {
			return true
		}
	}
	return false
}

// hasDigits reports whether a text holds as many digits as the shapes without a
// trigger have.
func hasDigits(text string) bool {
	n := 0
	for i := range len(text) {
		if isDigit(text[i]) {
			if n++; n >= 3 {
				return true
			}
		}
	}
	return false
}

// alone: neither neighbour is a letter or digit of the same kind.
func alone(f *folded, i, j int) bool {
	return !isASCIIWord(f.before(i)) && !isASCIIWord(f.after(j))
}

func secretLike(f *folded, i, j int) bool {
	s := f.lower[i:j]
	return !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") && s != "null" && s != "true" && s != "false"
}

// passwordLike reports whether the text right behind a word such as 密码 is one:
// letters and digits or signs together, and no date.
func passwordLike(f *folded, i, j int) bool {
	s := f.text[i:j]
	return secretLike(f, i, j) && strings.ContainsAny(s, "0123456789") && hasLetters(s) && !strings.Contains(s, "://")
}

func isHost(f *folded, i, j int) bool {
	if r := f.before(i); isASCIIWord(r) || r == '.' || r == ':' {
		return false
	}
	if r := f.after(j); isASCIIWord(r) || r == '.' && j+1 < len(f.text) && isDigit(f.text[j+1]) {
		return false
	}
	if ahead := strings.TrimRight(f.lower[:i], " v号"); strings.HasSuffix(ahead, "版本") || strings.HasSuffix(ahead, "version") {
		return false
	}
	_, err := netip.ParseAddr(f.text[i:j])
	return err == nil && len(f.text[i:j]) > 4
}

func isCreditCode(f *folded, i, j int) bool {
	return alone(f, i, j) && creditCode(strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(f.text[i:j])))
}

// isIBAN checks an international bank account number by ISO 7064 MOD 97-10.
func isIBAN(f *folded, i, j int) bool {
	if !alone(f, i, j) {
		return false
	}
	s := strings.ReplaceAll(f.text[i:j], " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, r := range s[4:] + s[:4] {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		}
	}
	return rest == 1
}

func isCall(f *folded, i, j int) bool {
	digits := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", "+", "").Replace(f.text[i:j])
	return len(digits) >= 7 && len(digits) <= 15 && !isASCIIWord(f.after(j)) && !isAmount(f, i, j) && !strings.HasPrefix(digits, "20")
}

func isPlate(f *folded, i, j int) bool {
	digits, size := 0, 0
	for _, r := range f.text[i:j] {
		if r >= '0' && r <= '9' {
			digits++
		}
		if isASCIIWord(r) || strings.ContainsRune("港澳挂学警", r) {
			size++
		}
	}
	return digits >= 3 && (size == 6 || size == 7) && !isASCIIWord(f.after(j)) && f.after(j) != '-'
}

func isPassport(f *folded, i, j int) bool {
	if !alone(f, i, j) || f.before(i) == '-' || f.after(j) == '-' {
		return false
	}
	ahead := f.text[max(0, i-15):i]
	for _, w := range []string{"型号", "编号", "单号", "订单", "料号", "合同", "牌号", "批号", "No", "no"} {
		if strings.Contains(ahead, w) {
			return false
		}
	}
	return true
}

func isHandle(f *folded, i, j int) bool {
	if isASCIIWord(f.after(j)) {
		return false
	}
	s := f.text[i:j]
	if c := f.before(i); c == ':' || c == '：' || c == '号' || c == '@' {
		return true
	}
	return strings.ContainsAny(s, "0123456789_")
}
