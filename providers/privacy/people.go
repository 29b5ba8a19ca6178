package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
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
	return spans
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
	"总": "量部是共额价体数计成之结览能和店包装代承会期监经裁工厂司站线长则产重高需支收局行队书统务编归算分",
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
	if next, ok := goesOn[title]; ok && strings.ContainsRune(next, behind) && !l.and(f.text[end+len(title):]) {
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
		return !short || sure || l.opens(f, i) || l.compound[f.text[i:i+surname]]
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
	end := i + n + len(name)
	if name == "" || !sure && r != '老' && r != '小' {
		return i
	}
	if familiarWords[f.text[i:end]] || !l.closes(f, end) || l.words[name+nextHan(f.text[end:])] && !sure {
		return i
	}
	return end
}

var familiarWords = setOf(strings.Fields(`小时 小方 小单 小高 小计 小包 小项 小车 小边 小管 小路 小于 小麦 小米 小成 小康 小龙 小白 小金 小黄 小蓝 小应 小全 小房 小万 小程 小文 小林 小雷 小段 小温 老单 老单子 老板 老方 老客 老项 老路 老管 老车 老房 老龄 老化 老款 老金 老包 老常 老文 老于 老成 老万 老全 老计 老边 小强 小宁 老应 阿里`))

func nextHan(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if !isHan(r) {
		return ""
	}
	return s[:n]
}

const (
	openers = `机跟和与找由请向对给同让叫问约见是为及派经据被把将陪代替带催等访复系户购售术务板理监管任长员师人手事方发部质产仓司厂天午上日的了到说知谢名字姓导商会以并而因但且从参加得帮助电话打告诉聊谈送交转邀`
	closers = `说表反提负确要认觉答来去在已对希同告问打回会将是跟和与处那这也不又曾的等签想先女及拜联沟电微发今昨明带给主担参到了愿接称通转让请还很比把被有没建强报推催约介陪抱做写交帮能可应因由从为向就都正再刚终最离调升任兼出审批进或现未决拍看见询咨索收邀安牵组汇申之以一两三多总经工董部寄付下开上访测试验核改补备找换退加送拿谈`
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
var calls = strings.Fields(`联系人 联络人 负责人 对接人 经办人 收件人 收货人 寄件人 法人 法定代表人 业务员 销售 销售员 采购 采购员 姓名 名字 叫 姓 参会 与会 出席 参会人 参会人员 与会人员 出席人员 成员 签署人 签字人 决策人 跟进人 陪同 拜访 拜访了 联系 联系了 会见 会见了 约见 约见了 约了 见了 抄送 收件 致 经理 总监 主管 主任 部长 厂长 老板 工程师 同事 客户 助理 秘书 代表 委托人 担保人 接口人 关键人 找 找到 由 请 跟 和 与`)

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
	before, after := listed(f, i, end)
	switch {
	case l.called(f, i):
		w += 2
		if n == 1 {
			w++
		}
	case l.opens(f, i):
		w++
	}
	if l.closes(f, end) {
		w++
	} else if n == 1 {
		w -= 2
	}
	if (before || after) && l.opens(f, i) && l.closes(f, end) {
		w++
	}
	return w
}

var (
	latinTitled = regexp.MustCompile(`\b(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Engineer|Attn|ATTN|Dear|Hi|Hello|Regards|Sincerely|Contact|contact|Cc|attention|Attention)[.,:]*\s{1,2})+([A-Z\p{Lu}][\p{L}'-]+(?:\s(?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di)\s?)*(?:\s[A-Z\p{Lu}][\p{L}'-]+){0,2})`)
	latinPair   = regexp.MustCompile(`[A-Z\p{Lu}][\p{L}'-]+(?:[ ](?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di))*(?:[ ][A-Z\p{Lu}][\p{L}'-]+){1,2}`)
	pinyin      = regexp.MustCompile(`^(?i:(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|uang|iong|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|ve|er|an|en|in|un|ia|ua|uo|a|o|e|i|u|v)['-]?){1,3})$`)
)

var givenNames = setOf(strings.Fields(`james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew joshua
	kenneth kevin brian george timothy ronald edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry
	tyler aaron jose adam nathan henry douglas zachary peter kyle ethan walter noah jeremy christian keith roger terry austin sean gerald carl harold dylan arthur lawrence jordan jesse bryan billy bruce gabriel joe
	logan alan juan albert willie elijah wayne randy vincent mason roy ralph bobby russell bradley philip eugene mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra
	margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley brenda emma anna pamela nicole samantha katherine
	christine helen debra rachel carolyn janet maria catherine heather diane olivia julie joyce victoria ruth virginia lauren kelly christina joan evelyn judith andrea hannah megan cheryl jacqueline martha
	madison teresa gloria sara janice ann kathryn abigail sophia frances jean alice judy isabella julia grace denise amber danielle marilyn beverly charlotte natalie theresa diana brittany doris kayla alexis lori
	tony tom bob bill jim mike dave steve chris matt dan tim alex max leo lucas oliver simon martin klaus hans jürgen wolfgang stefan andreas thorsten ulrich dieter heinz günter pierre jean-luc françois marie sophie
	luca marco giovanni paolo carlos luis miguel pedro antonio francisco javier diego ivan sergei dmitri olga natasha vladimir mikhail ahmed mohammed muhammad ali omar fatima hassan yuki kenji hiroshi takeshi akira
	haruto sakura minjun jiho raj priya amit rahul sanjay anil vijay deepak ravi sunil arjun lucy lily cindy wendy vivian jenny jane rose ivy coco eva elena nina vera zoe chloe ella mia ava lena sven lars erik björn
	allen andy bella carrie cathy daisy derek eddie elaine ellen felix fiona freddy gavin harry howard ian iris jackie jacky jay jeff jessie johnny joey josh kate kathy ken kitty lance leon liam lydia mandy marcus may mindy
	monica morgan nick owen rita robin rocky ron rosa ross ruby sally sam sandy sandra shelly sherry sonia stella sunny susie sylvia ted tina tracy vicky victor winnie yvonne`))

var pinyinSurnames = setOf(strings.Fields(`wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han tang feng yu dong xiao cheng cao yuan deng fu shen zeng peng lu su jiang cai jia ding wei xue ye yan pan du dai xia zhong tian ren fan fang shi yao liao zou xiong jin hao kong bai cui kang mao qiu qin gu hou shao meng long wan duan lei qian yin lai gong wen pang lan tao hong ouyang sima zhuge qi mei zhuang mo ge you geng mu qu bao`))

var notNames = setOf(strings.Fields(`Hong Kong Shang Hai Bei Jing Guang Zhou Dong Guan An Hui He Nan Fu Jian Purchase Order Sales Project General United Road Street Co Ltd Inc Limited Company Group Corporation Product Stage Please Dear Best Kind`))

// latinFirst are words that may be a first name by itself.
var latinFirst = regexp.MustCompile(`\b([A-Z][a-z]{2,11})\b`)

// notPersons are names that other things bear more often.
var notPersons = setOf(strings.Fields(`Jordan Austin Virginia Madison Charlotte Victoria Jackson Lincoln Chase Ruby Amber Crystal Iris Lily Rose Ivy Coco May Mark Max Tim Logan Mason Eva Leo Ray Van Sierra Dakota Sofia Paris Florence Carolina Georgia Diego Jose Jesse Dorothy Grant Gene Art Dale Glen Lane Reed Wade Marina Olive Sage Angel Felix Alpha Eden`))

// latinPeople finds names in Latin letters: behind a title, with a usual given
// name, or in pinyin.
func latinPeople(f *folded) []span {
	var spans []span
	for _, m := range latinTitled.FindAllStringSubmatchIndex(f.text, -1) {
		if name := strings.Fields(f.text[m[2]:m[3]]); !notNames[name[0]] && !latinTitles[strings.ToLower(name[0])] {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	for _, m := range latinPair.FindAllStringIndex(f.text, -1) {
		spans = append(spans, latinNames(f, m[0], m[1])...)
	}
	for _, m := range latinFirst.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; givenNames[strings.ToLower(name)] && !commonWords[strings.ToLower(name)] && !notPersons[name] {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	return spans
}

// latinNames looks for a name in a row of capitalized words.
func latinNames(f *folded, i, j int) []span {
	if unicode.IsLetter(f.before(i)) && !isHan(f.before(i)) {
		return nil
	}
	words := strings.Fields(f.text[i:j])
	at := i
	for k := 0; k+1 < len(words); k++ {
		start := at + strings.Index(f.text[at:j], words[k])
		at = start + len(words[k])
		if latinName(words[k], words[k+1]) {
			return []span{f.source(start, i+len(strings.TrimSuffix(f.text[i:j], "'s")), Person, rankContext)}
		}
	}
	return nil
}

func latinName(first, second string) bool {
	second = strings.TrimSuffix(second, "'s")
	a, b := strings.ToLower(first), strings.ToLower(second)
	if notNames[first] || notNames[second] || latinCompanyEndings[b] && b != "ag" {
		return false
	}
	if givenNames[a] && !weekdays[b] {
		return true
	}
	return pinyinSurnames[a] && pinyin.MatchString(b) && !chineseCities[b] || pinyinSurnames[b] && pinyin.MatchString(a) && len(a) > 2 && !chineseCities[a]
}

var (
	weekdays      = setOf(strings.Fields(`monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december the and of project order`))
	chineseCities = setOf(strings.Fields(`beijing shanghai ningbo suzhou hangzhou wuxi nanjing guangzhou shenzhen hefei wuhu wuhan xian chengdu tianjin dalian qingdao jinan xiamen fuzhou changsha kunshan dongguan foshan jiangsu zhejiang anhui hubei hunan hebei henan fujian hainan yunnan sichuan shandong shanxi kong hai`))
)
