package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	legalForm = regexp.MustCompile(`(?:集团|控股|实业)?(?:\(集团\)|\([\p{Han}]{2,6}\))?(?:股份有限公司|有限责任公司|有限公司|集团公司|股份公司|总公司|分公司|律师事务所|会计师事务所|事务所|研究院|设计院|集团|股份|公司|支行|分行|合作社|(?:` + strings.Join(all("factory_trades"), "|") + `)厂|总厂|研究所)(?:\((?:特殊普通合伙|普通合伙|有限合伙|集团|控股|中国|个体)\))?(?:[\p{Han}]{2,6}(?:分公司|分所|供电公司))?`)
	// latinForm takes the words before it; what they may be is looked at there.
	latinForm = regexp.MustCompile(`((?:(?:[A-Z0-9][\p{Latin}0-9&'.+-]*|\([A-Z][\p{Latin} ]{1,20}\))[ ,]{1,2}(?:(?:&|de|du|des|la|le|di|da|do|fur|und|et|y|e|of|von|van)[ ]){0,2}){1,6})\(?(?:Co\.?,? ?Ltd|Co\.|Ltd|Limited|Inc|Incorporated|LLC|GmbH(?: ?& ?Co\. ?KG)?|AG|Corp|Corporation|PLC|Plc|S\.A|SA|B\.V|BV|N\.V|NV|Pte\.? ?Ltd|Pty\.? ?Ltd|Group|Holdings?|KG|Company|S\.r\.l|SpA|S\.p\.A|K\.K|LLP|OOO|OAO|A/S|Oy|Sp\. z o\.o)\b\.?\)?(?:[ ,]{1,2}(?:Ltd|Limited|Inc|LLC|Co)\b\.?){0,2}`)
	shortFor  = regexp.MustCompile(`(?:简称|称为?|客户名称?|公司名称?|名叫|品牌|hereinafter|called|aka) ?[:：]? ?["“「'《]([\p{Han}A-Za-z0-9]{2,12})["”」'》]`)
	ledIn     = regexp.MustCompile(`^(?:.*(?:` + strings.Join(all("company_lead_ins"), "|") + `)(?:[:： ])?)`)
)

// companies finds the names of companies: before a legal form, or made of a
// place, a name and a trade.
func companies(f *folded) []span {
	var spans []span
	words := language()
	for from, to := range sentences(f.text) {
		text := f.text[from:to]
		if triggered(text, chineseLegal) {
			least := from
			for _, m := range legalForm.FindAllStringIndex(text, -1) {
				start := words.companyStart(f, least, from+m[0])
				least = from + m[1]
				if start >= 0 && start < from+m[0] {
					spans = append(spans, f.source(start, from+m[1], Company, rankContext))
				}
			}
		}
		if hasLetters(text) && triggered(f.lower[from:to], latinForms) {
			for _, m := range latinForm.FindAllStringSubmatchIndex(text, -1) {
				if start := latinStart(text, m[2], m[3]); start < m[3] {
					spans = append(spans, f.source(from+start, from+m[1], Company, rankContext))
				}
			}
		}
	}
	if strings.ContainsAny(f.text, `"“「'《`) {
		for _, m := range shortFor.FindAllStringSubmatchIndex(f.text, -1) {
			spans = append(spans, f.source(m[2], m[3], Company, rankContext))
		}
	}
	return append(spans, words.tradeNames(f)...)
}

var chineseLegal = strings.Fields(`公司 集团 股份 厂 事务所 研究 设计院 支行 分行 合作社`)

var latinForms = strings.Fields(`ltd limited inc llc gmbh corp plc s.a b.v n.v bv nv sa ag kg co. group holding company s.r s.p spa k.k llp ooo oao a/s oy`)

// longestName is how long the name before a legal form may be, in bytes.
const longestName = 54

// companyStart walks back from a legal form to where the name before it begins,
// not before from; -1 when there is no name.
func (l *lexicon) companyStart(f *folded, from, end int) int {
	i := end
	for i > from && end-i < longestName {
		r, n := utf8.DecodeLastRuneInString(f.text[:i])
		if !isHan(r) && r != '(' && r != ')' && r != '·' {
			break
		}
		i -= n
	}
	for i < end && strings.ContainsRune("()·和与及跟、或", firstRune(f.text[i:])) {
		i += len(string(firstRune(f.text[i:])))
	}
	name := f.text[i:end]
	if m := ledIn.FindStringIndex(name); m != nil && utf8.RuneCountInString(name[m[1]:]) >= 2 {
		i, name = i+m[1], name[m[1]:]
	}
	form := legalForm.FindString(f.text[end:])
	if utf8.RuneCountInString(name) < 2 || l.generic(name) && (!strings.Contains(form, "有限") || l.stems[name]) {
		return -1
	}
	if weak := form == "公司" || form == "股份" || form == "集团" || form == "研究院" || form == "分公司" || form == "总公司"; weak && (utf8.RuneCountInString(name) > 8 && l.firstPlace(name) != 0 || weakName(name) && !l.local(name)) {
		return -1
	}
	return i
}

// local reports whether a name begins with a place and goes on with what is
// more than a trade: 上海外高桥国际物流, but not 上海物流.
func (l *lexicon) local(name string) bool {
	rest := withoutPlaces(name)
	if rest == name || strings.ContainsAny(rest, "的了这那两几一二三四五六七八九十") {
		return false
	}
	for _, trade := range l.tradesBySize {
		rest = strings.TrimSuffix(rest, trade)
	}
	return utf8.RuneCountInString(rest) >= 3 && !l.generic(rest)
}

// weakEndings are what a text ends in that names no company.
var weakEndings = all("company_weak_endings")

func weakName(name string) bool {
	return slices.ContainsFunc(weakEndings, func(w string) bool { return strings.HasSuffix(name, w) })
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// firstPlace returns where the first name of a place in s begins, -1 if there is
// none.
func (l *lexicon) firstPlace(s string) int {
	for i := range s {
		for _, size := range []int{6, 9, 12} {
			if i+size < len(s) && l.places[s[i:i+size]] {
				return i
			}
		}
	}
	return -1
}

var leading = setOf(all("latin_leading"))

// latinStart skips words that only begin the sentence.
func latinStart(text string, i, j int) int {
	for i < j {
		word, _, _ := strings.Cut(text[i:j], " ")
		if word != "" && !leading[strings.Trim(word, ",.")] {
			return i
		}
		i += len(word) + 1
	}
	return j
}

// cues are words right before the name of a company.
var cues = all("company_cues")

// tradeNames finds names such as 苏州恒启塑业, and 远川新材 behind a word such
// as 竞争对手.
func (l *lexicon) tradeNames(f *folded) []span {
	var spans []span
	last := -1
	for i := 0; i < len(f.text); {
		r, size := utf8.DecodeRuneInString(f.text[i:])
		if !isHan(r) {
			i += size
			continue
		}
		if end := l.tradeName(f, i, last); end > i {
			last = end
			spans = append(spans, f.source(i, end, Company, rankContext))
			i = end
			continue
		}
		i += size
	}
	return spans
}

// tradeName returns the end of such a name at text[i], or i. last is where the
// one before it ends: 道恩塑业和金旸新材料.
func (l *lexicon) tradeName(f *folded, i, last int) int {
	stem := i
	for _, size := range []int{12, 9, 6} {
		if i+size <= len(f.text) && l.places[f.text[i:i+size]] {
			stem = i + size
			if r := firstRune(f.text[stem:]); r == '市' || r == '县' || r == '省' {
				stem += 3
			}
			break
		}
	}
	joined := last > 0 && last < i && and[f.text[last:i]]
	weak := false
	if stem == i && !joined && !endsIn(f.text[max(0, i-24):i], cues) {
		if weak = !isHan(f.before(i)) || f.before(i) == '比'; !weak {
			return i
		}
	}
	for _, n := range []int{2, 3, 4} {
		from := skipHan(f.text, stem, n)
		if from < 0 {
			break
		}
		name := f.text[stem:from]
		if l.tradeAt(f.text[from:]) == "" || l.generic(name) || strings.ContainsAny(name, "的了和与在是有说要表将已需不也很对把让做从向及或来去想问") || l.stems[name] || l.stems[name[:6]] {
			continue
		}
		if trade := l.tradeAt(f.text[from:]); trade != "" && (!weak || nameTrades[trade] && l.actsAsCompany(f, from+len(trade))) {
			return from + len(trade)
		}
	}
	return i
}

// han is the length of a Chinese character, in bytes.
const han = len("总")

// tradeAt returns the longest trade that s begins with.
func (l *lexicon) tradeAt(s string) string {
	for size := min(len(s), len(l.tradesBySize[0])) / han * han; size > 0; size -= han {
		if l.trades[s[:size]] {
			return s[:size]
		}
	}
	return ""
}

// and separates two names of companies.
var and = setOf([]string{"和", "与", "、", "及", "或", "跟", "以及", ",", "，"})

// nameTrades are trades that hardly follow anything but a name.
var nameTrades = setOf(all("trades_of_names"))

// actsAsCompany reports whether the text behind a place goes with a company as with a
// person.
func (l *lexicon) actsAsCompany(f *folded, j int) bool {
	return startsWithVerb(f.text[j:]) || strings.ContainsRune("报贵便给也的上下", f.after(j))
}

// Pieces of Chinese addresses: the chain of districts, a building, and a part of
// it.
const (
	area     = `(?:[\p{Han}]{2,8}(?:省|自治区|市|州|盟)){0,2}(?:[\p{Han}]{1,7}(?:新区|开发区|高新区|工业区|区|县|市|旗))?`
	building = `(?: ?[\p{Han}]{2,12}(?:大厦|大楼|大楼|商务楼|写字楼|广场|花园|小区|公寓|中心|工业园|工业区|产业园|科技园|科技城|创业园|软件园|园区|城|苑|国际|楼))`
	unit     = `(?: ?[0-9A-Za-z一二三四五六七八九十]{1,5}[ -]?(?:号楼|号库|号仓库|号仓|号厂房|号院|号门|楼|樓|幢|栋|座|塔|区|期|单元|层|室|房|号|库|F|f))`
)

var (
	road    = regexp.MustCompile(area + `(?:[\p{Han}]{1,7}(?:街道|镇|乡|村|社区|工业园区|工业园|工业区|产业园|高新区|园区|科技园)){0,2}[\p{Han}0-9]{1,8}(?:大道|大街|公路|路|街|巷|胡同|弄|道)(?:[东南西北中一二三四五六七八九十]?段)? ?(?:(?:[0-9A-Za-z一二三四五六七八九十百-]{1,8} ?(?:号楼|号|弄|巷|支弄|#)(?:之[0-9一二三]+)?)` + building + `?` + unit + `{0,5}(?:[0-9]{3,5}室?)?|` + building + unit + `{1,5}(?:[0-9]{3,5}室?)?|[与和][\p{Han}0-9]{1,8}(?:大道|路|街)交[叉汇][口处](?:[东南西北]{1,2}[侧角]?(?:[0-9]+米)?|向[东南西北][0-9]+米)?)`)
	levels  = regexp.MustCompile(`[\p{Han}]{2,8}(?:省|自治区|市)[\p{Han}]{1,8}(?:市|区|县|旗|镇)(?:[\p{Han}]{1,8}(?:街道|镇|乡|村|社区|开发区|工业园区|工业园|工业区|产业园|园区|软件园[一二三]期)){0,3}` + building + `?` + unit + `*`)
	block   = regexp.MustCompile(`[\p{Han}]{2,10}(?:大厦|大楼|广场|花园|小区|公寓|产业园|科技园|工业园|工业区|创业园|软件园|新村|家园|国际中心|商务中心)` + unit + `+(?:[0-9]{2,5}室?)?`)
	street  = regexp.MustCompile(`(?:(?:(?:Room|Rm|Unit|Suite|Flat|Building|Bldg|Floor|Block|Workshop)\.? ?[0-9A-Z-]+|[0-9]{1,3}/F|(?:[A-Z][\w']+ ){1,4}(?:Building|Park|Tower|Plaza|Centre|Center|House|Estate|Mansion|Zone)),? +){0,4}(?:No\.? ?)?[0-9]{1,5}[A-Z]?,? +(?:[A-Z][\w'.-]* +){1,4}(?:Road|Rd|Street|St|Avenue|Ave|Lane|Ln|Boulevard|Blvd|Drive|Highway|Hwy|Way|Square|Parkway|Court)\b\.?(?:, *(?:#[0-9-]+(?: [A-Z]\w+){0,3}|(?:Suite|Unit|Floor|Room|Apt)\.? ?[0-9A-Z-]+|[A-Z][\w']*(?: [A-Z][\w']*){0,2}(?: [A-Z]{0,2}[0-9][0-9A-Z]{2,6}(?: [0-9][A-Z]{2})?)?)){0,5}`)
	strasse = regexp.MustCompile(`[A-Z][\p{Latin}-]*(?i:straße|strasse|str\.|weg|allee|platz) ?[0-9]{1,4}[a-z]?(?:, ?[0-9]{5} [A-Z][\p{Latin}-]+)?`)
	// district is a road without a number, behind the place that it is in.
	district = regexp.MustCompile(`[\p{Han}]{2,10}(?:大道|公路|路|街)`)
	// town is a town behind the place that it is in, and shop a shop by its road.
	town = regexp.MustCompile(`[\p{Han}]{3,8}[镇乡]`)
	shop = regexp.MustCompile(`[\p{Han}]{2,4}[路街]店`)
	// flat is a part of a building, by the numbers of two levels.
	flat = regexp.MustCompile(`(?:[\p{Han}]{2,8}?(?:[一二三四五六七八九十0-9]{1,3}[区期村里])?)?[0-9A-Za-z]{1,4}(?:号楼|号院|楼|幢|栋|座|单元)(?:[0-9A-Za-z]{1,4}(?:单元|门|层|楼))?[0-9]{3,4}(?:室|房|会议室|号)?`)
	// romance is a road of which the kind is said first: Via Tortona 37.
	romance = regexp.MustCompile(`(?:[0-9]{1,4}(?: ?bis)?,? )?\b(?:Via|Viale|Corso|Piazza|Rue|rue|Avenue|avenue|Boulevard|boulevard|Calle|Carrer|Avenida|Av\.|Plaza|Paseo|Rua|Praça|Ulica|ul\.)(?: (?:de|del|della|du|des|la|le|da|do|dos|di|d'|l'))* ?\p{Lu}[\p{Latin}'-]+(?: \p{Lu}[\p{Latin}'-]+){0,2}(?:,? (?:n\.? ?)?[0-9]{1,4}[a-z]?\b)?(?:,? [0-9]{4,5}(?: ?-[0-9]{3})? \p{Lu}[\p{Latin}-]+)?`)
	// position are degrees of latitude and longitude.
	position = regexp.MustCompile(`[0-9]{1,3}° ?[0-9]{1,2}(?:\.[0-9]+)?['′](?: ?[0-9]{1,2}(?:\.[0-9]+)?["″])? ?[NSEW北南东西]|[NSEW北南东西]{1,2}[纬经]? ?[0-9]{1,3}\.[0-9]{4,}°?|\b[0-9]{1,3}\.[0-9]{5,} ?, ?[0-9]{1,3}\.[0-9]{5,}\b`)
	// toPlace is what comes before an address in a sentence.
	toPlace = regexp.MustCompile(`^.*(?:地址改?[为是在]?|地址|位于|要求|送到|寄到|发到|送至|寄至|发至|发往|寄往|送往|搬到|搬至|迁至|迁到|设在|坐落于|改为|改成|新址|原|样品|货|寄|发|送|开在|就在|到了|前往|住在|约在|[在到至往于去是为的了从由])`)
)

// addresses finds addresses: a road with a number, a chain of districts, a
// building with a number.
func addresses(f *folded) []span {
	var spans []span
	for from, to := range sentences(f.text) {
		text, lower := f.text[from:to], f.lower[from:to]
		for _, form := range chineseForms {
			if strings.ContainsAny(text, form.marks) {
				spans = append(spans, placesOf(f, from, to, form.form)...)
			}
		}
		if strings.ContainsAny(text, "0123456789") {
			for _, form := range []*regexp.Regexp{romance, position} {
				for _, m := range form.FindAllStringIndex(text, -1) {
					if strings.ContainsAny(text[m[0]:m[1]], "0123456789") {
						spans = append(spans, f.source(from+m[0], from+m[1], Address, rankContext))
					}
				}
			}
		}
		if !triggered(lower, latinRoads) || !strings.ContainsAny(text, "0123456789") {
			continue
		}
		for _, form := range []*regexp.Regexp{street, strasse} {
			for _, m := range form.FindAllStringIndex(text, -1) {
				spans = append(spans, f.source(from+m[0], from+m[1], Address, rankContext))
			}
		}
	}
	return spans
}

// chineseForms are the forms of addresses, and the characters of which one is in
// each.
var chineseForms = []struct {
	marks string
	form  *regexp.Regexp
}{{"路街弄巷道胡", road}, {"省市自", levels}, {"厦楼场园区寓村心", block}, {"楼座幢栋单", flat}, {"路街道", district}, {"镇乡", town}, {"店", shop}}

var latinRoads = strings.Fields(`road rd street st. avenue ave lane ln boulevard blvd drive highway hwy way square parkway court straße strasse str weg allee platz`)

func placesOf(f *folded, from, to int, form *regexp.Regexp) []span {
	var spans []span
	for _, m := range form.FindAllStringIndex(f.text[from:to], -1) {
		start, end := from+m[0], from+m[1]
		for end > start && f.text[end-1] == ' ' {
			end--
		}
		start += leadIn(f.text[start:end])
		if form == district && !roadIn(f, start, end) {
			continue
		}
		if form == town && !townIn(f.text[start:end]) {
			continue
		}
		if form == flat && (strings.ContainsAny(f.text[start:end], "的了是和与在有") || !strings.ContainsAny(f.text[start:end], "0123456789")) {
			continue
		}
		if form == levels && !addressLike(f.text[start:end]) {
			continue
		}
		spans = append(spans, f.source(start, end, Address, rankContext))
	}
	return spans
}

// leadIn is the length of the text before an address that is no part of it.
func leadIn(s string) int {
	at := language().firstPlace(s)
	if at == 0 {
		return 0
	}
	head := s
	if at > 0 {
		head = s[:at]
	}
	lead := toPlace.FindStringIndex(head[:min(len(head), 36)])
	if lead == nil || at > 0 && at-lead[1] > 2*han {
		return 0
	}
	if at < 0 && (utf8.RuneCountInString(s[lead[1]:]) < 4 || !strings.ContainsAny(s[lead[1]:min(len(s), lead[1]+30)], "路街弄巷道楼厦场园村区县")) {
		return 0
	}
	return lead[1]
}

// addressLike distinguishes a chain of districts from a sentence in which such words
// follow one another.
func addressLike(s string) bool {
	return language().firstPlace(s) == 0 && !strings.ContainsAny(s, "的了是和与在有")
}

// townIn reports whether a text is a place and the name of a town in it: 余姚泗门镇.
func townIn(s string) bool {
	rest := utf8.RuneCountInString(withoutPlaces(s))
	return language().firstPlace(s) == 0 && rest >= 2 && rest <= 4 && !strings.ContainsAny(s, "的了是和与在有到从")
}

// roadIn reports whether a road without a number is an address: it comes after
// the place that it is in, and no word goes on behind it.
func roadIn(f *folded, start, end int) bool {
	s := f.text[start:end]
	return language().firstPlace(s) == 0 && !strings.ContainsAny(s, "的了是和与在有到从") && !strings.ContainsRune("线径由程过上费况政桥障", f.after(end)) &&
		utf8.RuneCountInString(s) >= 5
}
