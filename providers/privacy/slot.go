package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The rules of this file find names by the slot that they fill, where no title,
// suffix or surname identifies them.

// companySlots are words right behind the short name of a company.
var companySlots = byFirstRune(all("company_behind"))

// rareCost is what a word costs that is rare enough to be the short name of a
// company in front of one of companySlots.
const rareCost = 13

// slots finds short names of companies and given names by the words behind them.
func (v *vocabulary) slots(f *folded, pieces []piece) []span {
	o := &organisationFinder{v: v, f: f, l: language(), pieces: pieces}
	var spans []span
	for i := range pieces {
		switch {
		case o.counts(i):
			continue
		case o.follows(i) && !openers[f.before(pieces[i].start)] && !timeWords[o.before(i)] && !strings.ContainsRune(companyOpeners, f.before(pieces[i].start)):
			if n := o.placeName(i); n > 0 {
				spans = append(spans, f.source(pieces[i].start, pieces[i+n-1].end, Company, rankContext))
			}
			continue
		}
		if n := max(o.beforeSlot(i), o.namedHouse(i), o.tradeName(i), o.placeName(i), o.beforeStrongSlot(i)); n > 0 {
			spans = append(spans, f.source(pieces[i].start, pieces[i+n-1].end, Company, rankContext))
		} else if o.givenAlone(i) || o.givenTitled(i) {
			spans = append(spans, f.source(pieces[i].start, pieces[i+1].end, Person, rankContext))
		}
	}
	return spans
}

// timeWords are words about time, behind which a name may begin.
var timeWords = setOf(strings.Fields("今天 昨天 明天 后天 上午 下午 中午 晚上 早上 周一 周二 周三 周四 周五 周六 周日 上周 本周 下周 上月 本月 下月"))

// companyOpeners are characters before which the name of a company may begin.
const companyOpeners = "用投选签接访供换比论壁"

// counts reports whether piece i is a number, or what one counts.
func (o *organisationFinder) counts(i int) bool {
	return counted(o.f, o.pieces[i].start) || strings.ContainsAny(o.text(i), "一二三四五六七八九十两几") && !o.tradeOfTwo(i, 0)
}

// beforeSlot returns how many pieces from i on, of two to four characters and none
// of them usual, precede one of companySlots.
func (o *organisationFinder) beforeSlot(i int) int {
	size := 0
	for n := 0; i+n < len(o.pieces) && (n == 0 || o.follows(i+n)); n++ {
		t := o.text(i + n)
		if n > 0 && size >= 2*han && (companySlots.begin(o.f.text[o.pieces[i+n].start:]) || t == "的" && o.titled(i+n+1)) {
			return n
		}
		if size += len(t); size > 4*han || !o.rareName(i+n) && !o.tradeOfTwo(i, n) {
			return 0
		}
	}
	return 0
}

// functionChars are characters of function words, which are in no short name.
var functionChars = strings.Join(all("function_characters"), "")

// plainName returns of how many pieces a name of two characters is that begins at i: a
// rare word, or two characters that make none.
func (o *organisationFinder) plainName(i int) int {
	t := o.text(i)
	switch {
	case o.counts(i):
	case o.pieces[i].sort == wordPiece && len(t) == 2*han:
		if o.v.cost(t) >= rareTradeCost && !noPart[t] && !attributes[t] && !o.l.trades[t] && !o.l.stems[t] && !o.l.generic(t) && !personLabels[t] && !timeWords[t] {
			if o.follows(i+1) && len(o.text(i+1)) == han && o.v.cost(o.text(i+1)) > 11.5 && !strings.ContainsAny(o.text(i+1), functionChars) {
				return 2 // 贝尔森
			}
			return 1
		}
	case o.follows(i+1) && len(t) == han && len(o.text(i+1)) == han && !strings.ContainsAny(t+o.text(i+1), functionChars) && !o.l.generic(t+o.text(i+1)):
		return 2
	}
	return 0
}

// rareTradeCost is what a word costs that may be a name before a trade, or behind a place.
const rareTradeCost = 11.5

// tradeName returns of how many pieces a company is that begins at i: a short name and
// a trade, up to where a name may end: 金泰物流, 绿洲农贸.
func (o *organisationFinder) tradeName(i int) int {
	n := o.plainName(i)
	if n == 0 {
		return 0
	}
	trade := o.tradeOrSuffix(i + n)
	if trade == 0 || !o.l.trades[o.text(i+n)] && !suffixes[o.text(i+n)] || !o.endsAtWord(i+n+trade) {
		return 0
	}
	return n + trade
}

// placeName returns of how many pieces a company is that begins at i: a place and a
// short name, up to where a name may end: 长沙远大.
func (o *organisationFinder) placeName(i int) int {
	place := o.place(i)
	if place == 0 || !o.follows(i+place) {
		return 0
	}
	n := o.plainName(i + place)
	end := i + place + n
	if n == 0 || !o.endsAtWord(end) || o.isRoad(end-1) {
		return 0
	}
	return place + n
}

// endsAtWord reports whether a name may have ended before piece i: at a mark, or where
// a word begins.
func (o *organisationFinder) endsAtWord(i int) bool {
	return o.ends(i) || o.pieces[i].sort == wordPiece || companySlots.begin(o.f.text[o.pieces[i].start:])
}

// strongSlots are those of companySlots that only somebody is in.
var strongSlots = byFirstRune(strings.Fields("那边 那单 那批 那家 那笔"))

// beforeStrongSlot returns of how many pieces a name of two or three characters is that
// make no word, before one of strongSlots: 优时比那边.
func (o *organisationFinder) beforeStrongSlot(i int) int {
	for n := 0; n < 4 && i+n < len(o.pieces) && (n == 0 || o.follows(i+n)); n++ {
		if n >= 2 && strongSlots.begin(o.f.text[o.pieces[i+n].start:]) {
			return n
		}
		if t := o.text(i + n); len(t) != han || strings.ContainsAny(t, "我你他她它们的了是要在有不就都也还这那去来把被给让跟两几每各说和与到从对") {
			return 0
		}
	}
	return 0
}

// titled reports whether piece i is a person with a title: 博瑞特的贾经理.
func (o *organisationFinder) titled(i int) bool {
	return o.follows(i) && o.pieces[i].sort == personPiece && titleEnds(o.text(i))
}

// tradeOfTwo reports whether piece i+n belongs to a name of two characters and a
// trade, be the characters as usual as they may: 三和五金.
func (o *organisationFinder) tradeOfTwo(i, n int) bool {
	if i+2 >= len(o.pieces) || !o.follows(i+1) || !o.follows(i+2) || !nameTrades[o.text(i+2)] && !o.l.trades[o.text(i+2)] || len(o.text(i+2)) != 2*han {
		return false
	}
	first, second := o.text(i), o.text(i+1)
	return n <= 2 && len(first) == han && len(second) == han && !strings.ContainsAny(first+second, "我你他她它的了是要在有不就都也还这那去来把被给让跟两几每各做买卖用") && !isDigit(byteBefore(o.f, o.pieces[i].start))
}

// givenPairs are common given names.
var givenPairs = setOf(all("given_pairs"))

// givenPair reports whether pieces i and i+1 are a common given name at the beginning
// of a clause, in front of what is said of a person: 国华昨天签下.
func (o *organisationFinder) givenPair(i int) bool {
	if !o.follows(i+1) || o.follows(i) && !personLabels[o.before(i)] || !givenPairs[o.text(i)+o.text(i+1)] {
		return false
	}
	rest := o.f.text[o.pieces[i+1].end:]
	return startsWithVerb(rest) || afterPerson.MatchString(rest)
}

// afterPerson is what goes on behind the name of a person.
var afterPerson = regexp.MustCompile(`^(?:的|昨|今天|今早|明天|后天|上午|下午|早上|晚上|下周|本周|这周|周[一二三四五六日末]|刚|已|还|又|也|都|在|去|来|回|请|要|想|会|能|把|被|给|跟|和|与|、|:|\(| ?[0-9]|$)`)

// namedHouse reports of how many pieces the name of a house of business is that begins
// at i: a word that is no usual attribute, and what kind of house it is, 绿叶医院.
func (o *organisationFinder) namedHouse(i int) int {
	if !o.follows(i + 1) {
		return 0
	}
	t, house := o.text(i), o.text(i+1)
	if !houses[house] || len(t) < 2*han || len(t) > 3*han || o.pieces[i].sort == personPiece && titleEnds(t) || attributes[t] || noPart[t] || o.l.generic(t) || o.counts(i) || strings.ContainsAny(t, "的了这那是有在") {
		return 0
	}
	return 2
}

var (
	houses     = setOf(all("houses"))
	attributes = setOf(all("houses_not"))
)

// givenTitled reports whether pieces i and i+1 are a given name of two characters
// and a title that goes with given names: 晓雯姐.
func (o *organisationFinder) givenTitled(i int) bool {
	if !o.follows(i+1) || o.pieces[i].sort != singlePiece || o.pieces[i+1].sort != personPiece {
		return false
	}
	first, rest := firstRune(o.text(i)), o.text(i+1)
	return len(rest) == 2*han && intimate[rest[han:]] && o.l.given[first] && o.l.given[firstRune(rest)] && o.v.cost(o.text(i)) >= strangerCost && !openers[first]
}

// rareName reports whether a piece is rare enough to be a part of a company's short
// name.
func (o *organisationFinder) rareName(i int) bool {
	t := o.text(i)
	if o.pieces[i].sort == wordPiece {
		return len(t) == 2*han && o.v.cost(t) >= rareCost && !noPart[t] && !o.l.trades[t] && !o.l.stems[t] && !o.l.generic(t)
	}
	return o.strange(i) && !freeCharacters[firstRune(t)]
}

// givenAlone reports whether pieces i and i+1 are a given name without a surname
// that a verb for persons follows, 雨桐负责, or a nickname such as 浩子.
func (o *organisationFinder) givenAlone(i int) bool {
	if o.givenPair(i) {
		return true
	}
	if !o.follows(i+1) || o.pieces[i].sort != singlePiece || o.pieces[i+1].sort != singlePiece {
		return false
	}
	if o.text(i+1) == "子" && o.l.given[firstRune(o.text(i))] && o.v.cost(o.text(i)) > 10 {
		return o.ends(i + 2)
	}
	for _, p := range []int{i, i + 1} {
		if t := o.text(p); !o.l.given[firstRune(t)] || o.v.cost(t) < strangerCost || freeCharacters[firstRune(t)] {
			return false
		}
	}
	return startsWithVerb(o.f.text[o.pieces[i+1].end:])
}

// prefixes are words by their first character.
type prefixes map[rune][]string

func byFirstRune(words []string) prefixes {
	p := prefixes{}
	for _, w := range words {
		p[firstRune(w)] = append(p[firstRune(w)], w)
	}
	return p
}

// begin reports whether a text begins with one of the words.
func (p prefixes) begin(s string) bool {
	return slices.ContainsFunc(p[firstRune(s)], func(w string) bool { return strings.HasPrefix(s, w) })
}

var (
	// hanBehindLatin is a surname in Chinese behind a title or a role in Latin letters:
	// Mr. 伍, CFO 赖.
	hanBehindLatin = regexp.MustCompile(`\b(?:(?i:mr|mrs|ms|miss|dr|prof)\.? ?|(?:CEO|CFO|CTO|COO|CIO|CMO|VP|GM|HR|PM|PMC|QC|QA) )(\p{Han}{1,3})`)
	// latinBeforeSlot is a word in capitals before a Chinese one: ZARA那边.
	latinBeforeSlot = regexp.MustCompile(`\b([A-Z][A-Za-z]{2,11})\p{Han}`)
	// lowerTitled is a name in lower case behind a title: mrs de wit.
	lowerTitled = regexp.MustCompile(`\b(?i:mr|mrs|ms|miss)\.? ((?:(?:de|van|von|der|den|bin|al) ){0,2}\p{Latin}[\p{Latin}'-]+)`)
	// lowerLegal is a company in lower case with its legal form: velmar bv.
	lowerLegal = regexp.MustCompile(`\b([a-z][a-z0-9-]{2,}) (?:bv|gmbh|ltd|llc|inc|srl|sarl|spa|pte|plc|nv|kft|sro)\b`)
	// addressed is a word in lower case that somebody is spoken to by: spoke to hendrik.
	addressed = regexp.MustCompile(`(?i:\b(?:spoke (?:to|with)|talked to|met with|ping|pinged|cc|ask|asked|call|called|remind|loop in|thanks|hi|hey)) ([a-z]{4,})\b`)
	// lowerCompany is a word in lower case behind a preposition: from loopline.
	lowerCompany = regexp.MustCompile(`\b(?:from|at) ([a-z]{5,})\b`)
	// titleCasePair is two or three words in title case behind a preposition.
	titleCasePair = regexp.MustCompile(`\b(?:at|from|with|by|against|vs\.?|chose|prefers?|visited|[Cc]ompetitor) ([A-Z][a-z]{2,}(?: [A-Z][a-z]{2,}){1,2})`)
)

// latinSlots finds names by the words beside them in a text in Latin
// letters, or in one that mixes both.
func latinSlots(f *folded) []span {
	var spans []span
	add := func(i, j int, kind Kind) { spans = append(spans, f.source(i, j, kind, rankContext)) }
	for _, m := range hanBehindLatin.FindAllStringSubmatchIndex(f.text, -1) {
		if surname, _ := language().surname(f.text[m[2]:]); surname != "" {
			add(m[2], m[2]+len(surname), Person)
		}
	}
	for _, m := range latinBeforeSlot.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; !acronyms[strings.ToUpper(name)] && !isEnglish(strings.ToLower(name)) && companySlots.begin(f.text[m[3]:]) && apart(f, m[2], m[3]) {
			add(m[2], m[3], Company)
		}
	}
	for _, m := range lowerTitled.FindAllStringSubmatchIndex(f.text, -1) {
		name := strings.ToLower(f.text[m[2]:m[3]])
		if last := name[strings.LastIndex(name, " ")+1:]; !notNames[name] && (!isEnglish(last) || strings.Contains(name, " ")) {
			add(m[2], m[3], Person)
		}
	}
	for _, m := range lowerLegal.FindAllStringSubmatchIndex(f.text, -1) {
		if !latinGeneric[f.text[m[2]:m[3]]] && !companyWords[f.text[m[2]:m[3]]] && apart(f, m[2], m[3]) {
			add(m[0], m[1], Company)
		}
	}
	for _, m := range lowerCompany.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; !isEnglish(name) && !acronyms[strings.ToUpper(name)] && apart(f, m[2], m[3]) {
			add(m[2], m[3], Company)
		}
	}
	for _, m := range addressed.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; !isEnglish(name) && apart(f, m[2], m[3]) {
			add(m[2], m[3], Person)
		}
	}
	for _, m := range titleCasePair.FindAllStringSubmatchIndex(f.text, -1) {
		if namesCompany(f.text[m[2]:m[3]]) && apart(f, m[2], m[3]) {
			add(m[2], m[3], Company)
		}
	}
	return spans
}

// namesCompany reports whether words in title case name a company: at least one of
// them is neither a role, a day, a place nor a word about trade.
func namesCompany(words string) bool {
	own := 0
	for w := range strings.FieldsSeq(strings.ToLower(words)) {
		switch {
		case latinRoles[w], weekdays[w], commonWords[w]:
			return false
		case !latinGeneric[w] && !latinTerms[w] && !chineseCities[w]:
			own++
		}
	}
	return own > 0
}

var (
	latinRoles = setOf(all("latin_roles"))
	latinTerms = setOf(all("latin_terms"))
)

// initials returns where a name begins whose initials precede text[i]: G. Abara.
func initials(f *folded, i int) int {
	for i >= 3 && f.text[i-1] == ' ' && f.text[i-2] == '.' && 'A' <= f.text[i-3] && f.text[i-3] <= 'Z' && !isLatin(lastRune(f.text[:i-3])) {
		i -= 3
	}
	return i
}

// firstName returns where a name begins whose first name, a word in title case
// that may be a usual one, precedes the surname at text[i] inside a sentence:
// Will Osei. It returns i where there is none.
func firstName(f *folded, i int) int {
	m := titleWordBefore.FindStringIndex(f.text[max(0, i-14):i])
	if m == nil {
		return i
	}
	start := max(0, i-14) + m[0]
	word := strings.TrimRight(f.text[start:i], " ")
	lower := strings.ToLower(word)
	before := strings.TrimRight(f.text[:start], " ")
	if r, _ := utf8.DecodeLastRuneInString(before); before == "" || strings.ContainsRune(".!?:;\n", r) || latinRoles[lower] || latinTerms[lower] || latinTitles[lower] || leading[word] || latinGeneric[lower] || companyWords[lower] || weekdays[lower] {
		return i
	}
	return start
}

var titleWordBefore = regexp.MustCompile(`\b[A-Z][a-z]{1,11} $`)

// companyHeadings are words before a list of companies.
var companyHeadings = all("company_headings")

// longestList is how long a list of companies may be, in bytes.
const longestList = 2000

// companyItem is the beginning of an item that names a company.
var companyItem = regexp.MustCompile(`^ ?(\p{Han}{2,10})`)

// companyLists finds companies by the list that they are in: 今日走访3家:….
func (v *vocabulary) companyLists(f *folded, pieces []piece) []span {
	o := &organisationFinder{v: v, f: f, l: language(), pieces: pieces}
	var spans []span
	for at, r := range f.text {
		if r != ':' || !endsIn(strings.TrimRight(f.text[max(0, at-36):at], "0123456789一二三四五六七八九十两家个户 "), companyHeadings) {
			continue
		}
		to := min(len(f.text), at+longestList)
		if n := strings.IndexAny(f.text[at:to], "。；;\n"); n >= 0 {
			to = at + n
		}
		depth := 0
		from := at + 1
		for i, r := range f.text[at+1 : to] {
			switch {
			case r == '(':
				depth++
			case r == ')':
				depth--
			case strings.ContainsRune("、，,", r) && depth == 0:
				spans = append(spans, o.companyItem(from, at+1+i)...)
				from = at + 1 + i + len(string(r))
			}
		}
		spans = append(spans, o.companyItem(from, to)...)
	}
	return spans
}

// companyItem returns the company that an item of such a list begins with: its
// first pieces up to a usual word.
func (o *organisationFinder) companyItem(from, to int) []span {
	m := companyItem.FindStringSubmatchIndex(o.f.text[from:to])
	if m == nil {
		return nil
	}
	from += m[2]
	own, end := false, from
	first, _ := slices.BinarySearchFunc(o.pieces, from, func(p piece, at int) int { return p.start - at })
	for i := first; i < len(o.pieces) && o.pieces[i].start == end && end < to; i++ {
		p, t := o.pieces[i], o.text(i)
		if p.sort == wordPiece && o.v.cost(t) < rareCost && !o.l.trades[t] && !o.l.places[t] && !suffixes[t] && own || noPart[t] && own {
			break
		}
		own, end = own || !o.l.generic(t), p.end
	}
	if name := o.f.text[from:end]; !own || utf8.RuneCountInString(name) < 2 || utf8.RuneCountInString(name) > 9 || o.v.cost(name) < usualCost {
		return nil
	}
	return []span{o.f.source(from, end, Company, rankContext)}
}
