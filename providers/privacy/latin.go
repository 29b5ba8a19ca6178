package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	latinTitled = regexp.MustCompile(`\b(?:(?:Mr|Mrs|Ms|Herr|Frau|Mme|Monsieur|Madame|Senor|Senora|Sig|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Engineer|Attn|ATTN|Dear|Hi|Hello|Regards|Sincerely|Contact|contact|Cc|attention|Attention)[.,:]*\s{1,2})+([A-Z][\p{Latin}'-]+(?:[ ](?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di)[ ]?)*(?:[ ][A-Z][\p{Latin}'-]+){0,2})`)
	latinPair   = regexp.MustCompile(`[A-Z][\p{Latin}'-]+(?:[ ](?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di))*(?:[ ][A-Z][\p{Latin}'-]+){1,2}`)
	pinyin      = regexp.MustCompile(`^(?i:(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|uang|iong|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|ve|er|an|en|in|un|ia|ua|uo|a|o|e|i|u|v)['-]?){1,3})$`)
)

var givenNames = setOf(all("given_latin"))

var pinyinSurnames = setOf(all("surnames_pinyin"))

var notNames = setOf(all("latin_not_names"))

// latinFirst are words that may be a first name by itself.
var latinFirst = regexp.MustCompile(`\b([A-Z][a-z]{2,11})\b`)

// notPersons are names that more often name something else.
var notPersons = setOf(all("latin_ambiguous"))

// latinLeads are what latinTitled needs to be worth while, in lower case.
var latinLeads = strings.Fields(`mr ms miss mx dr prof sir madam engineer attn dear hi hello regards sincerely contact cc attention herr frau mme monsieur madame senor sig`)

// latinPeople finds names in Latin letters: behind a title, with a usual given
// name, or in pinyin.
func latinPeople(f *folded) []span {
	var spans []span
	if triggered(f.lower, latinLeads) {
		for _, m := range latinTitled.FindAllStringSubmatchIndex(f.text, -1) {
			if name := strings.Fields(f.text[m[2]:m[3]]); !notNames[name[0]] && !latinTitles[strings.ToLower(name[0])] {
				spans = append(spans, f.source(m[2], m[3], Person, rankContext))
			}
		}
	}
	for _, m := range latinPair.FindAllStringIndex(f.text, -1) {
		spans = append(spans, latinNames(f, m[0], m[1])...)
	}
	for _, s := range latinSure {
		if !triggered(f.text, s.trigger) {
			continue
		}
		for _, m := range s.form.FindAllStringSubmatchIndex(f.text, -1) {
			if name := f.text[m[2]:m[3]]; !notNames[name] && !leading[name] {
				spans = append(spans, f.source(m[2], m[3], Person, rankContext))
			}
		}
	}
	spans = append(spans, latinRoster(f)...)
	spans = append(spans, called(f)...)
	for _, m := range latinFirst.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; givenNames[strings.ToLower(name)] && !commonWords[strings.ToLower(name)] && !notPersons[name] {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	return spans
}

// latinSure are forms that only names of persons have, each with what a text
// must hold for it.
var latinSure = []struct {
	trigger []string
	form    *regexp.Regexp
}{
	{[]string{"O'", "Mc", "Mac"}, regexp.MustCompile(`\b((?:O'|Mc|Mac)[A-Z][a-z]{2,})\b`)},
	{[]string{"poke ", "talk", "Talk", "chat", "Chat", " met ", "Met ", "eeting ", "peak "}, regexp.MustCompile(`(?:\b(?i:spoke|talked|chatted|met|meeting|speak|talk) (?:with|to) )([A-Z][a-z]{2,})\b`)},
}

// called finds Latin names that are used as Chinese ones are: Coco姐, and
// Tony 王.
func called(f *folded) []span {
	var spans []span
	for i := 1; i < len(f.text); i++ {
		if f.text[i] < utf8.RuneSelf || !isASCIIWord(rune(f.text[i-1])) && f.text[i-1] != ' ' {
			continue
		}
		start, end := i, i
		for start > 0 && (isASCIIWord(rune(f.text[start-1])) || f.text[start-1] == ' ' && start == i) {
			start--
		}
		name := strings.TrimRight(f.text[start:i], " ")
		if len(name) < 3 || name[0] < 'A' || name[0] > 'Z' || strings.ToLower(name[1:]) != name[1:] || strings.ContainsAny(name, "0123456789") {
			continue
		}
		surname, sure := language().surname(f.text[i:])
		switch rest := f.text[i+len(surname):]; {
		case strings.HasSuffix(f.text[:i], " "):
			if !sure && (surname == "" || !givenNames[strings.ToLower(name)]) || isHan(firstRune(rest)) && !startsWithVerb(rest) && !strings.ContainsRune("把要在和跟给与已昨今明前上下刚说", firstRune(rest)) {
				continue
			}
			end = i + len(surname)
		case titleAt(f.text[i:]) == "" || goesOn(titleAt(f.text[i:]), f.after(i+len(titleAt(f.text[i:])))):
			continue
		}
		spans = append(spans, f.source(start, max(end, start+len(name)), Person, rankContext))
	}
	return spans
}

// latinHeading is a heading of a list of persons.
var latinHeading = regexp.MustCompile(`(?i)\b(?:attendees|participants|present|apologies|absent|invitees|attending|attended by)[ ]?: *([^\n;。]{3,300})`)

var latinHeadings = strings.Fields(`attend participants present apologies absent invitees`)

var (
	latinItem  = regexp.MustCompile(`^[A-Z][\p{Latin}'-]*\.?(?: [A-Z][\p{Latin}'-]*\.?){0,3}`)
	familyHead = regexp.MustCompile(`\b([A-Z][a-z]{1,5}), ([A-Z][a-z]{1,8})\b`)
)

// latinRoster finds the persons of a list behind its heading.
func latinRoster(f *folded) []span {
	var spans []span
	if !triggered(f.lower, latinHeadings) {
		return family(f)
	}
	for _, m := range latinHeading.FindAllStringSubmatchIndex(f.text, -1) {
		at := m[2]
		for part := range strings.SplitAfterSeq(f.text[m[2]:m[3]], ",") {
			lead := len(part) - len(strings.TrimLeft(part, " "))
			if name := strings.TrimRight(latinItem.FindString(part[lead:]), "."); len(name) > 2 && !notNames[name] {
				spans = append(spans, f.source(at+lead, at+lead+len(name), Person, rankContext))
			}
			at += len(part)
		}
	}
	return append(spans, family(f)...)
}

// family finds names in pinyin with the family's first and a comma behind it.
func family(f *folded) []span {
	var spans []span
	if !strings.Contains(f.text, ", ") {
		return nil
	}
	for _, m := range familyHead.FindAllStringSubmatchIndex(f.text, -1) {
		family, given := strings.ToLower(f.text[m[2]:m[3]]), strings.ToLower(f.text[m[4]:m[5]])
		if pinyinSurnames[family] && pinyin.MatchString(given) && !chineseCities[family] && !chineseCities[given] && !weekdays[given] {
			spans = append(spans, f.source(m[0], m[1], Person, rankContext))
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
	if chineseCities[a+b] {
		return false
	}
	if head, _, _ := strings.Cut(a, "-"); givenNames[a] && !weekdays[b] || head != a && givenNames[head] {
		return true
	}
	return pinyinSurnames[a] && pinyin.MatchString(b) && !chineseCities[b] || pinyinSurnames[b] && pinyin.MatchString(a) && len(a) > 2 && !chineseCities[a]
}

var (
	weekdays      = setOf(all("latin_not_surnames"))
	chineseCities = setOf(all("cities_pinyin"))
)
