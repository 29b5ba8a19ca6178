package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// honorifics are what a person is called by behind the surname, the longest
// first. They are no part of a name but of how it is written.
var honorifics = strings.Fields(`副总经理 总经理 董事长 副董事长 总工程师 工程师 副总裁 总会计师 采购经理 销售经理 项目经理 技术经理 产品经理 业务经理 客户经理 区域经理 大区经理
	副总 总监 总工 总裁 经理 先生 女士 小姐 太太 夫人 老师 主任 部长 厂长 科长 处长 局长 院长 校长 所长 主管 组长 队长 班长 店长 行长 站长 会长 秘书 助理 教授 博士 医生 律师 会计 师傅
	老板 老板娘 老总 书记 专员 顾问 协理 襄理 总助 阿姨 总监助理 课长 主席 工 总 董 姐 哥 叔 局 处 科 部`)

// roles are what stands before a name and is no part of it.
var roles = strings.Fields(`采购总监 采购经理 采购主管 采购部 采购员 采购 财务总监 财务经理 财务部 财务 技术总监 技术经理 技术部 技术员 技术 研发总监 研发经理 研发部 研发 品质经理 品质主管 品质部 品质
	质量经理 质量部 质量 生产经理 生产部 生产 销售总监 销售经理 销售部 销售员 销售 市场部 市场 商务经理 商务 信息部 信息 仓库主管 仓库 仓管 物流部 物流 行政 人事 法务 项目经理 项目部 设备部 工艺 工程部
	总经理 副总经理 董事长 董事 经理 总监 主管 主任 部长 厂长 工程师 老板 客户 对方 联系人 负责人 对接人 业务员 业务 法人 代表 助理 秘书 前台 司机 的`)

// nobody are values that stand for the absence of one.
var nobody = setOf(strings.Fields(`无 暂无 没有 未知 不详 不明 待定 未定 待确认 待补充 空 其他 其它 保密 同上 全部 所有 多人 若干 本人 客户 新客户 老客户 现有客户 unknown none null nil n/a na tbd tba - -- / ? 是 否 有 yes no true false other any all self new old test 0 1`))

// spellings returns how a value is written elsewhere, itself first. It is "" of
// nothing: a value that says nothing has no spellings.
func spellings(value string, kind Kind) []string {
	value = strings.TrimSpace(value)
	if nobody[squeezed(value)] {
		return nil
	}
	value = fold(value).text
	all := []string{value}
	switch kind {
	case Client, Company:
		all = append(all, companySpellings(value)...)
	case Person:
		all = append(all, personSpellings(value)...)
	case Project:
		for _, tail := range []string{"项目", "工程", " project", " Project"} {
			all = append(all, strings.TrimSuffix(value, tail))
		}
	case Address:
		all = append(all, addressSpellings(value)...)
	case Phone, ResidentID, BankCard, CreditCode, Handle, Plate, Passport:
		all = append(all, strings.NewReplacer("-", "", " ", "", "(", "", ")", "", "（", "", "）", "").Replace(value))
	case Email:
		if user, host, ok := strings.Cut(value, "@"); ok && len(user) > 3 {
			all = append(all, user+" @ "+host)
		}
	}
	return all
}

// companyEndings are the legal forms of Chinese companies, the longest first.
var companyEndings = strings.Fields(`集团股份有限公司 集团有限责任公司 控股股份有限公司 股份有限公司 有限责任公司 集团有限公司 控股有限公司 （集团）有限公司 (集团)有限公司 有限公司 集团公司 股份公司 总公司 分公司 子公司 律师事务所 会计师事务所 事务所 研究院 集团 控股 股份 公司 总厂 工厂 厂`)

func companySpellings(value string) []string {
	if !hasHan(value) {
		return latinCompanySpellings(value)
	}
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune("()（）【】[]《》", r) {
			return -1
		}
		return r
	}, value)
	all := []string{plain}
	short := strings.TrimSpace(plain)
	for range 2 {
		for _, ending := range companyEndings {
			if cut := strings.TrimSuffix(short, ending); cut != short && utf8.RuneCountInString(cut) >= 2 {
				short = cut
				all = append(all, short)
				break
			}
		}
	}
	words := language()
	if words.generic(short) {
		return useful(all[:len(all)-1], words)
	}
	if outside, _, found := strings.Cut(value, "（"); found {
		all = append(all, outside)
	}
	stem := withoutPlaces(short)
	all = append(all, stem, plain[max(0, strings.Index(plain, stem)):])
	for range 3 {
		for _, trade := range words.tradesBySize {
			if cut := strings.TrimSuffix(stem, trade); cut != stem && utf8.RuneCountInString(cut) >= 2 {
				all = append(all, strings.TrimSuffix(short, trade), cut)
				stem = cut
				break
			}
		}
	}
	return useful(all, words)
}

var township = regexp.MustCompile(`^[\p{Han}]{2,3}(?:市|县|区|镇|乡|街道)`)

// withoutPlaces takes off the places that a company's name begins with: its
// province, city, district and town.
func withoutPlaces(name string) string {
	words := language()
	for range 4 {
		cut := name
		for size := min(len(name)/han, 5) * han; size > 0; size -= han {
			if words.places[name[:size]] {
				cut = strings.TrimLeft(name[size:], "省市区县镇")
				break
			}
		}
		if m := township.FindString(name); m != "" && cut == name {
			cut = name[len(m):]
		}
		if cut == name || utf8.RuneCountInString(cut) < 2 || words.generic(cut) {
			break
		}
		name = cut
	}
	return name
}

// useful drops spellings that mean anybody.
func useful(all []string, words *lexicon) []string {
	var out []string
	for _, s := range all {
		if hasHan(s) && utf8.RuneCountInString(s) >= 2 && !words.generic(s) && !words.words[s] {
			out = append(out, s)
		}
	}
	return out
}

var latinCompanyEndings = setOf(strings.Fields(`co ltd limited inc incorporated llc gmbh ag corp corporation plc sa bv nv pte pty kg kk company group holding holdings international & and mbh srl spa oy ab as llp`))

func latinCompanySpellings(value string) []string {
	words := strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	if len(words) == 0 {
		return nil // commas alone, or nothing that shows
	}
	for len(words) > 1 && latinCompanyEndings[strings.ToLower(strings.ReplaceAll(strings.Trim(words[len(words)-1], ".()"), ".", ""))] {
		words = words[:len(words)-1]
	}
	all := []string{strings.Join(words, " ")}
	if len(words) > 1 && chineseCities[strings.ToLower(words[0])] {
		words = words[1:]
		all = append(all, strings.Join(words, " "))
	}
	if first := words[0]; (len(words) > 1 || len(all) > 1) && len(first) >= 4 && !commonWords[strings.ToLower(first)] {
		all = append(all, first)
	}
	return all
}

func personSpellings(value string) []string {
	if !hasHan(value) {
		return latinPersonSpellings(value)
	}
	bare := value
	for _, h := range honorifics {
		if cut := strings.TrimSuffix(bare, h); cut != bare && utf8.RuneCountInString(cut) >= 2 {
			bare = cut
			break
		}
	}
	words := language()
	surname, _ := words.surname(bare)
	given := strings.TrimPrefix(bare, surname)
	n := utf8.RuneCountInString(given)
	if surname == "" || n < 1 || n > 2 || !allHan(given) {
		return []string{bare}
	}
	all := []string{bare}
	if n == 2 && !words.words[given] && !words.ends[given] && !commonGiven[given] {
		all = append(all, given, given+"总")
	}
	return all
}

// commonGiven are given names that mean something else more often.
var commonGiven = setOf(strings.Fields(`建设 建国 国家 文明 光明 和平 平安 发展 健康 安康 建立 成功 成立 永远 长江 长城 海洋 大海 东方 华东 明天 明确 文化 向前 进步 先进 志愿 立新 春天 国庆 中秋 新年 元旦 安全 公正 友好 高兴 上海 天津 胜利 前进 建筑`))

// latinPersonSpellings are for names such as John Smith: its parts, the other
// way round, and shortened.
func latinPersonSpellings(value string) []string {
	words := strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	if len(words) == 0 {
		return nil
	}
	for len(words) > 1 && latinTitles[strings.ToLower(strings.Trim(words[0], "."))] {
		words = words[1:]
	}
	all := []string{strings.Join(words, " ")}
	if len(words) < 2 {
		return all
	}
	first, last := words[0], words[len(words)-1]
	all = append(all, first+" "+last, last+" "+first, last+", "+first)
	if f, _ := utf8.DecodeRuneInString(first); f != utf8.RuneError {
		all = append(all, string(f)+". "+last, string(f)+" "+last)
	}
	for _, w := range words {
		if utf8.RuneCountInString(strings.Trim(w, ".")) >= 3 {
			all = append(all, w)
		}
	}
	return all
}

var latinTitles = setOf(strings.Fields(`mr mrs ms miss mx dr prof professor sir madam engineer ing`))

// commonWords are English words that are parts of names, too: as such they are
// masked where they begin with a capital only.
var commonWords = setOf(strings.Fields(`will mark grant may rose bill page price young long white black brown green king case rich frank art hope faith joy
	summer april june august dean chase drew pat sue rob jack jean bob gold silver stone wood hill field lake rice ford day week month bank book
	cook baker carter mason miller taylor turner walker hunter fisher porter potter smart strong sharp wise best power west east north south
	general global united first national american china chinese asia pacific euro europe european central royal new modern super great star
	advanced digital smart standard universal international industrial technology technologies solutions systems electric energy green blue red
	data cloud tech trade trading product products project plastic plastics auto order sales service services material materials sample an to in on at`))

// addressSpellings are an address without its province, without its city, and
// from its road on.
func addressSpellings(value string) []string {
	var all []string
	rest := value
	for _, level := range []string{"省", "市", "区", "县"} {
		if _, cut, ok := strings.Cut(rest, level); ok && utf8.RuneCountInString(cut) >= 4 {
			rest = cut
			all = append(all, rest)
		}
	}
	if head, _, ok := strings.Cut(value, ","); ok && len(head) >= 8 {
		all = append(all, head)
	}
	return all
}

func hasHan(s string) bool { return strings.ContainsFunc(s, isHan) }

func allHan(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isHan(r) })
}
