package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// people finds the names of persons by what stands around them.
func people(f *folded) []span {
	spans := latinPeople(f)
	words := language()
	for i := 0; i < len(f.text); {
		r, size := utf8.DecodeRuneInString(f.text[i:])
		if isHan(r) {
			if end := words.person(f, i); end > i {
				spans = append(spans, f.source(i, end, Person, rankContext))
				i = end
				continue
			}
		}
		i += size
	}
	return append(spans, words.rosters(f, spans)...)
}

// person returns the end of a name that begins at text[i], or i.
func (l *lexicon) person(f *folded, i int) int {
	if end := l.familiar(f, i); end > i {
		return end
	}
	surname, sure := l.surname(f.text[i:])
	if surname == "" {
		return i
	}
	inside := l.endsWord(f, i, surname)
	if inside && !sure {
		return i
	}
	for end, given := i+len(surname), 0; given <= 2 && end >= 0; given++ {
		title := titleAt(f.text[end:])
		if title != "" && (!inside || len(title) > len("总")) && l.titled(f, i, len(surname), end, title, sure) {
			return end + len(title)
		}
		end = skipHan(f.text, end, 1)
	}
	if inside {
		return i
	}
	if end := spaced(f, i, len(surname)); end > i {
		return end
	}
	return l.bare(f, i, len(surname), sure)
}

var spacedName = regexp.MustCompile(`^ {1,2}\p{Han}(?: {0,2}\p{Han})?(?:[^\p{Han}]|$)`)

// spaced returns the end of a name whose characters are set apart by spaces, as
// is done in columns, or i.
func spaced(f *folded, i, surname int) int {
	m := spacedName.FindString(f.text[i+surname:])
	if m == "" || isHan(f.before(i)) {
		return i
	}
	end := i + surname
	for _, r := range m {
		switch {
		case r == ' ':
			end++
			continue
		case !language().given[r]:
			return i
		}
		end += len(string(r))
		if rest := strings.TrimLeft(f.text[end:], " "); !isHan(firstRune(rest)) {
			return end
		}
	}
	return end
}

// titleAt returns the longest title that s begins with.
func titleAt(s string) string {
	for n := min(len(s), 5*len("总")); n > 0; n -= len("总") {
		if titles[s[:n]] {
			return s[:n]
		}
	}
	return ""
}

var titles = setOf(honorifics)

// endsWord reports whether the surname at text[i] rather ends the word before
// it.
func (l *lexicon) endsWord(f *folded, i int, surname string) bool {
	before := lastHan(f.text[:i], 2)
	for before != "" {
		if l.ends[before+surname] {
			return true
		}
		_, n := utf8.DecodeRuneInString(before)
		before = before[n:]
	}
	return false
}

// lastHan returns up to n Chinese characters that end s.
func lastHan(s string, n int) string {
	i := len(s)
	for ; n > 0; n-- {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if !isHan(r) {
			break
		}
		i -= size
	}
	return s[i:]
}

// skipHan returns where n Chinese characters from text[i] end, -1 if there are
// fewer.
func skipHan(text string, i, n int) int {
	for ; n > 0; n-- {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !isHan(r) {
			return -1
		}
		i += size
	}
	return i
}

// goesOn are the words that a title of one character may be the beginning of:
// 总量 and 工程 are no persons.
var goesOn = map[string]string{
	"总": "量部是共额价体数计成之结览能和店包装代承会期监经裁工厂司站线长则产重高需支收局行队书统务编归算分账线",
	"工": "作程厂业人艺具期序资时商种况地位装件矿会段区休伤龄",
	"董": "事",
	"局": "部面势限长", "处": "理于置在罚方境所", "科": "技学研目普", "部": "分件门位署队",
	"哥": "伦", "姐": "妹", "叔": "叔", "书记": "录",
	"经理": "论", "会计": "师事核准", "助理": "", "主任": "", "专员": "", "顾问": "费",
	"秘书": "处", "医生": "", "代表": "团", "律师": "费函楼事",
}

// titled reports whether a surname, perhaps a given name, and a title are a
// person.
func (l *lexicon) titled(f *folded, i, surname, end int, title string, sure bool) bool {
	behind, _ := utf8.DecodeRuneInString(f.text[end+len(title):])
	if next, ok := goesOn[title]; ok && strings.ContainsRune(next, behind) && !l.and(f.text[end+len(title):]) && !says(f.text[end+len(title):]) {
		// 工 and 总 before a verb that begins like a longer word: 何工作 is not
		// told from 何工.
		return false
	}
	given := f.text[i+surname : end]
	short := utf8.RuneCountInString(title) == 1
	if given == "" {
		if l.words[f.text[i:end]+title] {
			return false
		}
		return !short || sure || l.opens(f, i) || l.compound[f.text[i:i+surname]] || !isHan(behind) && !strings.ContainsRune(goesOn[title], f.after(end+len(title)))
	}
	first, n := utf8.DecodeRuneInString(given)
	if l.words[f.text[i:i+surname]+string(first)] {
		return false
	}
	for _, r := range given {
		if !l.given[r] && (short || !sure) {
			return false
		}
		if strings.ContainsRune("的了是和与在有不这那个们到及或", r) {
			return false
		}
	}
	return n > 0 && !roleBegins(given+title)
}

// sayings are verbs and the like that go with persons: behind a name they tell
// where it ends.
var sayings = setOf(strings.Fields(`说 问 催 才 聊 聊了 聊到 谈到 话 表示 反映 反馈 认为 提出 提到 提及 询问 要求 建议 确认 透露 强调 承诺 答应 同意 反对 介绍 负责 牵头 接手 马上 已经 正在 即将 告知 通知
	抱怨 担心 希望 坚持 解释 汇报 补充 主持 配合 跟进 对接 发来 发出 发的 回复 回覆 来电 来访 来信 离职 请假 休假 出差 退休 签字 拍板 批准 审核 代为 代表 支持 联系 留言 打来 提供 决定 带队 参加 出席 到访
	回电 觉得 指出 主张 主管 负责 调任 升任 接任 兼任 领导 给出 转告 转达 交代 交待 约在 约好 接待 收到 牵线 表态 发言 拒绝 接受 抽检 签收 提醒 质疑 追问 关心 在问 在催 明确 更新 打电话 发邮件 说话`))

// says reports whether a text begins with one of them.
func says(s string) bool {
	for n := 1; n <= 3; n++ {
		if end := skipHan(s, 0, n); end > 0 && sayings[s[:end]] {
			return true
		}
	}
	return false
}

// and reports whether a text goes on with the next of several names: 金总和方总.
func (l *lexicon) and(s string) bool {
	rest, ok := strings.CutPrefix(s, "和")
	surname, _ := l.surname(rest)
	return ok && surname != "" && titleAt(rest[len(surname):]) != ""
}

// roleBegins reports whether a text is the end of a title of more characters, as
// 售总监 is: its beginning then is no given name.
func roleBegins(text string) bool { return roleEndings[text] }

// roleEndings are the proper ends of roles and titles.
var roleEndings = func() set {
	s := set{}
	for _, role := range slices.Concat(roles, honorifics) {
		for i := range role {
			if i > 0 {
				s[role[i:]] = true
			}
		}
	}
	return s
}()

// familiar finds 小王, 老李 and 阿珍.
func (l *lexicon) familiar(f *folded, i int) int {
	r, n := utf8.DecodeRuneInString(f.text[i:])
	if r != '小' && r != '老' && r != '阿' || !l.opens(f, i) {
		return i
	}
	name, sure := l.surname(f.text[i+n:])
	if second := firstRune(f.text[i+n:]); r == '阿' && l.given[second] {
		name, sure = string(second), true
	}
	end := i + n + len(name)
	if name == "" || !sure && r != '老' && r != '小' {
		return i
	}
	if familiarWords[f.text[i:end]] || !l.closes(f, end) || l.words[name+nextHan(f.text[end:])] && !sure {
		return i
	}
	return end
}

var familiarWords = setOf(strings.Fields(`小时 小方 小单 小高 小计 小包 小项 小车 小边 小管 小路 小于 小麦 小米 小成 小康 小龙 小白 小金 小黄 小蓝 小应 小全 小房 小万 小程 小文 小林 小雷 小段 小温 老单 老单子 老板 老方 老客 老项 老路 老管 老车 老房 老龄 老化 老款 老金 老包 老常 老文 老于 老成 老万 老全 老计 老边 小强 小宁 老应 阿里 阿胶 阿尔 阿联 阿明 阿坝 阿姆 阿斯 阿克 小数 小程 小区 小麻 小心 小米 小游 小盖 小封 小查 小权 小占 小冷 小朴 老农 老区 老封 老冷 老付 老明`))

func nextHan(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if !isHan(r) {
		return ""
	}
	return s[:n]
}

const (
	openers = `机跟和与找由请向对给同让叫问约见是为及派经据被把将陪代替带催等访复系户购售术务板理监管任长员师人手事方发部质产仓司厂天午上日的了到说知谢名字姓导商会以并而因但且从参加得帮助电话打告诉聊谈送交转邀`
	closers = `说表反提负确要认觉答来去在已对希同告问打回会将是跟和与处那这也不又曾的等签想先女及拜联沟代管电微发今昨明带给主担参到了愿接称通转让请还很比把被有没建强报推催约介陪抱做写交帮能可应因由从为向就都正再刚终最离调升任兼出审批进或现未决拍看见询咨索收邀安牵组汇申之以一两三多总经工董部寄付下开上访测试验核改补备找换退加送拿谈`
)

// opens and closes report whether a name may begin or end here: at a mark, or
// beside a word that goes with persons.
func (l *lexicon) opens(f *folded, i int) bool {
	r := f.before(i)
	return !isHan(r) || strings.ContainsRune(openers, r)
}

func (l *lexicon) closes(f *folded, j int) bool {
	r := f.after(j)
	return !isHan(r) || strings.ContainsRune(closers, r)
}

// calls are words right before a name.
var calls = strings.Fields(`联系人 联络人 负责人 对接人 经办人 收件人 收货人 寄件人 法人 法定代表人 业务员 销售 销售员 采购 采购员 姓名 名字 叫 姓 参会 与会 出席 参会人 参会人员 与会人员 出席人员 成员 签署人 签字人 决策人 跟进人 陪同 拜访 拜访了 联系 联系了 会见 会见了 约见 约见了 约了 见了 抄送 收件 致 经理 总监 主管 主任 部长 厂长 老板 工程师 同事 客户 助理 秘书 代表 委托人 担保人 接口人 关键人 找 找到 由 请 跟 和 与 名单 仓库 仓管 财务 出席 缺席 组长 副组长 打给 寄给 发给 交给 转给 抄送给 接替他的是 接替她的是 介绍了 改由 换成 换成了 据 让 给 收 收件 司机 提货人 户名 主持人 记录 记录人 复核 批准 审核 经办 投诉人 介绍人 处理人 出票人 推荐人 副主任 安排 通知 联系下 问下 真名 本名 儿子 女儿 出席`)

// listed reports whether a place stands in an enumeration.
func listed(f *folded, i, j int) (before, after bool) {
	r, s := f.before(i), f.after(j)
	return r == '、' || r == ',' || r == '/' || r == '，', s == '、' || s == '/' || s == '，' || s == ','
}

// bare returns the end of a full name without a title, by the weight of what
// speaks for it: the surname, characters that are usual in given names, and what
// stands before and behind.
func (l *lexicon) bare(f *folded, i, surname int, sure bool) int {
	best := i
	for _, n := range []int{2, 1} {
		end := skipHan(f.text, i+surname, n)
		if end < 0 || l.words[f.text[i:end]] {
			continue
		}
		first := nextHan(f.text[i+surname:])
		common := l.words[f.text[i:i+surname]+first]
		if common && n == 2 && l.given[firstRune(first)] && l.given[lastRune(f.text[:end])] {
			before, after := listed(f, i, end)
			common = !before && !after && !l.called(f, i)
		}
		if n == 2 && isHan(f.after(end)) && says(f.text[end-len(string(lastRune(f.text[:end]))):]) && !says(f.text[end:]) {
			continue
		}
		if common || l.words[f.text[i+surname:end]] && n == 2 && !l.called(f, i) {
			continue
		}
		if l.weight(f, i, surname, end, n, sure) >= 4+n {
			best = end
			break
		}
	}
	if best > i && nobodyNames[f.text[i:best]] {
		return i
	}
	return best
}

var nobodyNames = setOf(strings.Fields(`高清晰 高清 高光泽 高光 高强 高强力 金牌 金华 王者 林木 马来 方正 高明 华东 华南 华北 文明 安全 平安 平台 常青 常来 常用 全新 成立 成本 成品 时光 时来 关心 关于 康明 康宁 施工 温和 石油 白云 白天 黄石 黄金 水平 水晶 水星 江苏 江南 万科 任意 方圆 范围 严谨 毕业 单元 单一 包容 易方达 常州 常山 常德 唐山 马钢 武钢 鞍钢 宝钢 向前 项目 程度 和平 和谐 和美 和声 金山 金海 金龙 金星 金杯 金泰 金宇 高原 高山 高峰 高华 高雅 高尚 高贵 应承 应诺 计量 全国 全员 全程 全力 曲阜 曲线 古城 古典 于天 连云 连海 何以 何如 许诺 许可 查阅 宁海 宁国 祝福 祝愿 解放 解冻 管理 沙石 严密 平安福 平川 钱江 海宁 武威 武进 武汉 甘泉 司南 路桥 牛奶 牛仔 马良 单品 范本 金石 白城 白山 黎明 毛利 毛重`))

func (l *lexicon) called(f *folded, i int) bool {
	return endsIn(f.text[max(0, i-36):i], calls)
}

// endsIn reports whether a text ends in one of the words, be it with a colon or
// the like behind.
func endsIn(s string, words []string) bool {
	bare := strings.TrimRight(s, " :()\"“是为有叫")
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(bare, w) || strings.HasSuffix(s, w) })
}

// post is what is said of a person in brackets behind the name.
var post = regexp.MustCompile(`^ ?\((?:[^()]{0,12}(?:部|总|经理|工|线上|远程|主管|采购|销售|品质|技术|研发|财务|厂长|电话|手机)|[A-Z][a-z]+(?: [A-Z][a-z]+)?)\)`)

// weight sums up what speaks for a name of n given characters at text[i:end].
func (l *lexicon) weight(f *folded, i, surname, end, n int, sure bool) int {
	w := 1
	if sure {
		w = 2
	}
	if surname > 3 { // a compound one
		w = 3
	}
	labelled := !isHan(f.before(i)) && !isHan(f.after(end)) && l.called(f, i)
	for _, r := range f.text[i+surname : end] {
		switch {
		case l.given[r] || labelled:
			w++
		case surname > 3:
			w--
		default:
			w -= 2
		}
	}
	if n == 2 && w >= 3 {
		w++
	}
	if !isHan(f.before(i)) && post.MatchString(f.text[end:]) {
		w++
	}
	before, after := listed(f, i, end)
	switch {
	case l.called(f, i):
		w += 2
		if n == 1 {
			w++
		}
	case l.opens(f, i):
		w++
		if says(f.text[end:]) && !isHan(f.before(i)) && !sure {
			w++ // the subject of its sentence
		}
	}
	if l.closes(f, end) || says(f.text[end:]) {
		w++
	} else if n == 1 {
		w -= 2
	}
	if (before || after) && l.opens(f, i) && l.closes(f, end) {
		w++
	}
	return w
}
