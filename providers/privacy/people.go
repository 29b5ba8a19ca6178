package privacy

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// people finds the names of persons by their context.
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

// titleWords are the words that a title may be the beginning of: 总量 and 工程
// are no persons.
var titleWords = setOf(all("titles_not"))

// goesOn reports whether a title and the character behind it begin such a word.
func goesOn(title string, behind rune) bool { return titleWords[title+string(behind)] }

// titled reports whether a surname, perhaps a given name, and a title are a
// person.
func (l *lexicon) titled(f *folded, i, surname, end int, title string, sure bool) bool {
	behind, _ := utf8.DecodeRuneInString(f.text[end+len(title):])
	if goesOn(title, behind) && !l.and(f.text[end+len(title):]) && !startsWithVerb(f.text[end+len(title):]) {
		// 工 and 总 before a verb that begins like a longer word: 何工作 is not
		// distinguished from 何工.
		return false
	}
	given := f.text[i+surname : end]
	short := utf8.RuneCountInString(title) == 1
	if given == "" {
		if l.words[f.text[i:end]+title] {
			return false
		}
		return !short || sure || l.opens(f, i) || l.compound[f.text[i:i+surname]] || !isHan(behind) && !goesOn(title, f.after(end+len(title)))
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

// verbs are verbs and the like that go with persons: behind a name they show
// where it ends.
var verbs = setOf(all("verbs"))

// startsWithVerb reports whether a text begins with one of them.
func startsWithVerb(s string) bool {
	for n := 1; n <= 3; n++ {
		if end := skipHan(s, 0, n); end > 0 && verbs[s[:end]] {
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

var familiarWords = setOf(all("familiar_not"))

func nextHan(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if !isHan(r) {
		return ""
	}
	return s[:n]
}

var openers, closers = runes(all("openers")), runes(all("closers"))

// opens and closes report whether a name may begin or end here: at a mark, or
// beside a word that goes with persons.
func (l *lexicon) opens(f *folded, i int) bool {
	r := f.before(i)
	return !isHan(r) || openers[r]
}

func (l *lexicon) closes(f *folded, j int) bool {
	r := f.after(j)
	return !isHan(r) || closers[r]
}

// calls are words right before a name.
var calls = all("labels")

// listed reports whether a place is in an enumeration.
func listed(f *folded, i, j int) (before, after bool) {
	r, s := f.before(i), f.after(j)
	return r == '、' || r == ',' || r == '/' || r == '，', s == '、' || s == '/' || s == '，' || s == ','
}

// bare returns the end of a full name without a title, by the weight of what
// is evidence for it: the surname, characters that are usual in given names, and
// the text before and behind.
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
		if n == 2 && isHan(f.after(end)) && startsWithVerb(f.text[end-len(string(lastRune(f.text[:end]))):]) && !startsWithVerb(f.text[end:]) {
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

var nobodyNames = setOf(all("not_persons"))

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

// weight sums up the evidence for a name of n given characters at text[i:end].
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
		if startsWithVerb(f.text[end:]) && !isHan(f.before(i)) && !sure {
			w++ // the subject of its sentence
		}
	}
	if l.closes(f, end) || startsWithVerb(f.text[end:]) {
		w++
	} else if n == 1 {
		w -= 2
	}
	if (before || after) && l.opens(f, i) && l.closes(f, end) {
		w++
	}
	return w
}
