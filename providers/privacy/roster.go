package privacy

import (
	"iter"
	"regexp"
	"strings"
	"unicode/utf8"
)

// headings are headings of lists of persons.
var headings = all("headings")

// joinedNames are names of several parts, as from other languages.
var joinedNames = regexp.MustCompile(`[\p{Han}]{2,6}(?:·[\p{Han}]{1,8}){1,3}`)

// bySurname is a surname by which somebody is called: 老板姓蔡.
var bySurname = regexp.MustCompile(`姓([\p{Han}])(?:[^\p{Han}名氏]|的|$)`)

// rosters finds persons by the list that they are in: behind its heading every
// item is one, and beside a person that was found so is what looks like one.
func (l *lexicon) rosters(f *folded, persons []span) []span {
	var spans []span
	start := 0 // of the list under way; 0: none
	for from := range f.text {
		i := from + headed(f.text[from:])
		if i == from || !endsIn(f.text[max(0, from-18):from], headings) {
			continue
		}
		if start > 0 {
			spans = append(spans, l.roster(f, start, listEnd(f.text, start, from))...)
		}
		start = i
	}
	if start > 0 {
		spans = append(spans, l.roster(f, start, listEnd(f.text, start, len(f.text)))...)
	}
	if strings.Contains(f.text, "·") {
		for _, m := range joinedNames.FindAllStringIndex(f.text, -1) {
			spans = append(spans, f.source(m[0], m[1], Person, rankContext))
		}
	}
	for _, m := range bySurname.FindAllStringSubmatchIndex(f.text, -1) {
		if name, _ := l.surname(f.text[m[2]:]); name != "" {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	if strings.Contains(f.text, "、") {
		spans = append(spans, l.neighbours(f, persons)...)
	}
	return spans
}

// listEnd returns where a list ends that begins at start: at the next heading at the
// latest, so that no text is read once for each heading before it.
func listEnd(text string, start, next int) int {
	if n := strings.IndexAny(text[start:next], "。；;\n:()—"); n >= 0 {
		return start + n
	}
	return next
}

// roster returns the persons of a list. Where most of its items are names, an item
// that could be a word is one, too.
func (l *lexicon) roster(f *folded, from, to int) []span {
	var names, others []span
	marks := listMarks
	if !strings.ContainsAny(f.text[from:to], "、/") {
		marks += " "
	}
	for i, j := range items(f.text, from, to, marks) {
		name := f.text[i:j]
		if n := utf8.RuneCountInString(name); n < 2 || n > 4 || !allHan(name) {
			if latinWord.MatchString(name) && !leading[name] && !latinRoles[strings.ToLower(name)] {
				others = append(others, f.source(i, j, Person, rankContext)) // Mark, among others
			}
			continue
		}
		switch {
		case l.item(name) || vocab().mayName(name, true):
			names = append(names, f.source(i, j, Person, rankContext))
		case !nobody[name] && !titles[name] && withoutRole(name) != "" && !nobodyNames[name] && !l.generic(name) && vocab().cost(name) >= usualCost:
			others = append(others, f.source(i, j, Person, rankContext))
		}
	}
	if len(names) >= 2 && len(names) > len(others) {
		return append(names, others...)
	}
	return names
}

// latinWord is a name in Latin letters.
var latinWord = regexp.MustCompile(`^[A-Z][a-z]{2,11}$`)

// headed is the length of the mark between a heading and its list, 0 where
// there is no such thing.
func headed(s string) int {
	switch {
	case s[0] == ':':
		return 1
	case strings.HasPrefix(s, "——"):
		return len("——")
	case strings.HasPrefix(s, "--"):
		return len("--")
	}
	return 0
}

// listMarks are the characters between the items of a list.
const listMarks = "、，,/\"和与及"

// items yields the items of a list, without the spaces around them.
func items(text string, from, to int, marks string) iter.Seq2[int, int] {
	return func(yield func(i, j int) bool) {
		at := from
		for i := from; i <= to; {
			r, size := utf8.DecodeRuneInString(text[i:to])
			if i == to || strings.ContainsRune(marks, r) {
				item := text[at:i]
				start := at + len(item) - len(strings.TrimLeft(item, " "))
				if end := at + len(strings.TrimRight(item, " ")); end > start && !yield(start, end) {
					return
				}
				at = i + size
			}
			if i == to {
				return
			}
			i += size
		}
	}
}

// item reports whether an item of a list of persons is a name: it begins with a
// surname, and is no word.
func (l *lexicon) item(s string) bool {
	surname, _ := l.surname(s)
	if surname == "" || surname == s || l.words[s] || titles[s] || nobodyNames[s] || l.generic(s) || withoutRole(s) == "" {
		return false
	}
	return !l.words[s[:min(len(s), 6)]] && !strings.ContainsAny(s, "的了是在有不各等部")
}

// neighbours looks in enumerations at the items beside persons.
func (l *lexicon) neighbours(f *folded, persons []span) []span {
	begins, ends := map[int]bool{}, map[int]bool{}
	for _, p := range persons {
		begins[p.start], ends[p.end] = true, true
	}
	var spans []span
	from := 0
	for from < len(f.text) {
		to := from + len(f.text[from:])
		if n := strings.IndexAny(f.text[from:], "。；;\n，:()“”"); n >= 0 {
			to = from + n
		}
		if strings.Contains(f.text[from:to], "、") {
			spans = append(spans, l.enumeration(f, from, to, func(i, j int) bool { return begins[f.at[i]] || ends[f.to[j-1]] })...)
		}
		_, size := utf8.DecodeRuneInString(f.text[to:])
		from = to + size
	}
	return spans
}

// enumeration finds the items that look like names in an enumeration of which
// another is a person.
func (l *lexicon) enumeration(f *folded, from, to int, person func(i, j int) bool) []span {
	var spans []span
	some := false
	for i, j := range items(f.text, from, to, listMarks) {
		if person(i, j) {
			some = true
			continue
		}
		if name := lastHan(f.text[i:j], 3); i == from && utf8.RuneCountInString(f.text[i:j]) > 3 {
			for n := 3; n > 1 && !l.item(name); n-- {
				name = lastHan(name, n-1)
			}
			if i = j - len(name); !l.opens(f, i) {
				continue
			}
		}
		if n := utf8.RuneCountInString(f.text[i:j]); n >= 2 && n <= 3 && allHan(f.text[i:j]) && l.item(f.text[i:j]) {
			spans = append(spans, f.source(i, j, Person, rankContext))
		}
	}
	if !some {
		return nil
	}
	return spans
}
