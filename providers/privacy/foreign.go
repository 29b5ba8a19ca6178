package privacy

import (
	"regexp"
	"strings"
	"sync"
)

// A capitalized word in Latin letters that is in no dictionary is a name: of a
// person, or of a company.

var (
	capitalized = regexp.MustCompile(`(?:\p{Lu}[\p{Ll}]+|Mc\p{Lu}\p{Ll}+|[DO]'\p{Lu}\p{Ll}+|\p{Lu}[\p{Ll}]*-\p{Lu}[\p{Ll}]+)(?:'\p{Lu}?\p{Ll}+)?`)
	lowercase   = regexp.MustCompile(`\p{Ll}[\p{Ll}']+`)
	nextName    = regexp.MustCompile(`^ (?:(?:van|von|de|der|da|bin|al|el|la|di|du|dos)(?: |-)){0,2}(?:\p{Lu}\. )?(\p{Lu}[\p{Latin}'-]+)`)
	nextLower   = regexp.MustCompile(`^ (\p{Ll}[\p{Ll}']+)`)
	saidBy      = regexp.MustCompile(`^(?:'s|'ll)?,? (?:said|says|wants|want|asked|asks|thinks|told|confirmed|confirms|will|is|has|was|needs|agreed|sent|called|knows|mentioned|replied|signed|signs|can|prefers|owns)\b`)
	addressedTo = regexp.MustCompile(`(?i)(?:\b(?:with|cc|ask|tell|ping|call|email|thanks|hi|hey|dear|loop in|remind|meet|met|via|from|attn|owner|contact)|@):? $`)
	tradeEnds   = regexp.MustCompile(`(\p{Lu}\p{Ll}{2,})(?: \p{Lu}\p{Ll}{2,}){0,2} (\p{Lu}\p{Ll}{2,})`)
	inChinese   = regexp.MustCompile(`\p{Han}[ @(]?(?:[a-z]+)?(\p{Lu}\p{Ll}{2,})(?: ?\p{Han}|$|[,:;。，、/)]| [^a-zA-Z])`)
	surnameSir  = regexp.MustCompile(`(\p{Han})(?i:sir)\b`)
	closing     = regexp.MustCompile(`(?m)(?:[/—–-]{1,2} ?|^(?:br|rgds|best|regards|thanks|cheers),?\s+)([A-Z][a-z]{1,11})\s*$`)
)

// englishWords returns the words that name nobody, in lower case.
var englishWords = sync.OnceValue(func() set {
	s := setOf(all("english"))
	for _, w := range all("latin_terms") {
		s[w] = true
	}
	for w := range commonWords {
		s[w] = true
	}
	for _, names := range []set{chineseCities, latinCompanyEndings} {
		for w := range names {
			s[w] = true
		}
	}
	return s
})

// regular are endings of regular forms, and the endings that replace them in the
// dictionary.
var regular = []struct{ from, to string }{
	{"'s", ""}, {"s", ""}, {"es", ""}, {"ies", "y"}, {"ed", ""}, {"d", ""}, {"ied", "y"}, {"ing", ""}, {"ing", "e"}, {"ly", ""}, {"ily", "y"},
	{"er", ""}, {"r", ""}, {"ers", ""}, {"rs", ""}, {"est", ""}, {"ness", ""}, {"able", ""}, {"able", "e"}, {"isation", "ise"}, {"ization", "ize"},
	{"ised", "ise"}, {"ized", "ize"}, {"ising", "ise"}, {"izing", "ize"}, {"less", ""}, {"ment", ""}, {"ments", ""}, {"ion", "e"}, {"ions", "e"},
}

// isEnglish reports whether a word, in lower case, is one of the dictionary, or a
// regular form of one.
func isEnglish(word string) bool {
	words := englishWords()
	if words[word] {
		return true
	}
	for part := range strings.SplitSeq(word, "-") {
		if part == word {
			break
		}
		if !isEnglish(part) {
			return false
		}
	}
	if strings.Contains(word, "-") {
		return true
	}
	for _, r := range regular {
		stem, ok := strings.CutSuffix(word, r.from)
		if !ok || len(stem) < 3 {
			continue
		}
		if words[stem+r.to] || len(stem) > 3 && stem[len(stem)-1] == stem[len(stem)-2] && words[stem[:len(stem)-1]] {
			return true
		}
	}
	for _, prefix := range []string{"re", "un", "non", "pre", "co", "sub", "over", "multi", "inter", "anti", "bio", "micro", "poly"} {
		if rest, ok := strings.CutPrefix(word, prefix); ok && len(rest) > 3 && words[rest] {
			return true
		}
	}
	return false
}

// foreign finds names in Latin letters by what is no word, and given names in
// lower case by their context.
func foreign(f *folded) []span {
	if !hasLetters(f.text) && !strings.ContainsFunc(f.text, isLatin) {
		return nil
	}
	var spans []span
	for _, m := range capitalized.FindAllStringIndex(f.text, -1) {
		if name := f.text[m[0]:m[1]]; apart(f, m[0], m[1]) && isForeign(name) {
			start := firstName(f, initials(f, m[0]))
			spans = append(spans, f.source(start, foreignEnd(f, m[1]), kindOfName(f, m[1]), rankContext))
		}
	}
	for _, m := range inChinese.FindAllStringSubmatchIndex(f.text, -1) {
		if name := strings.ToLower(f.text[m[2]:m[3]]); givenNames[name] && len(name) > 3 {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	for _, m := range surnameSir.FindAllStringSubmatchIndex(f.text, -1) {
		if _, ok := vocab().surnames[f.text[m[2]:m[3]]]; ok {
			spans = append(spans, f.source(m[0], m[1], Person, rankContext))
		}
	}
	for _, m := range lowercase.FindAllStringIndex(f.text, -1) {
		if end := givenInLower(f, m[0], m[1]); end > 0 {
			spans = append(spans, f.source(m[0], end, Person, rankContext))
		}
	}
	for _, m := range tradeEnds.FindAllStringSubmatchIndex(f.text, -1) {
		first, last := strings.ToLower(f.text[m[2]:m[3]]), strings.ToLower(f.text[m[4]:m[5]])
		if companyWords[last] && !latinGeneric[first] && !companyWords[first] && !leading[f.text[m[2]:m[3]]] && apart(f, m[0], m[1]) {
			spans = append(spans, f.source(m[0], m[1], Company, rankContext))
		}
	}
	for _, m := range closing.FindAllStringSubmatchIndex(f.text, -1) {
		if name := strings.ToLower(f.text[m[2]:m[3]]); !isEnglish(name) || givenNames[name] {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	return spans
}

// apart reports whether a word in Latin letters is a word of its own, and no piece
// of a code, a path or an address.
func apart(f *folded, i, j int) bool {
	before, after := f.before(i), f.after(j)
	if isLatin(before) || isLatin(after) || strings.ContainsRune("_@#\\.", before) && before != 0 && (before != '@' || isASCIIWord(f.before(max(i-1, 0)))) || after == '_' || after == '@' {
		return false
	}
	if before == '-' || after == '-' {
		at := strings.LastIndexFunc(f.text[:i], func(r rune) bool { return !isLatin(r) && r != '-' })
		end := strings.IndexFunc(f.text[j:], func(r rune) bool { return !isLatin(r) && r != '-' })
		if end < 0 {
			end = len(f.text) - j
		}
		return !strings.ContainsAny(f.text[at+1:j+end], "0123456789")
	}
	return after != '.' || j+1 >= len(f.text) || !isASCIIWord(rune(f.text[j+1]))
}

// isForeign reports whether a capitalized word is a name.
func isForeign(word string) bool {
	lower := strings.ToLower(strings.TrimSuffix(word, "'s"))
	return len(lower) > 2 && !isEnglish(lower) && !notNames[word] && !leading[word] && !(weekdays[lower])
}

// foreignEnd goes on over the words behind a name that belong to it: surnames,
// and what ends the name of a company.
func foreignEnd(f *folded, end int) int {
	for range 4 {
		m := nextName.FindStringSubmatchIndex(f.text[end:])
		if m == nil {
			break
		}
		word := f.text[end+m[2] : end+m[3]]
		lower := strings.ToLower(strings.Trim(word, ".'"))
		if isEnglish(lower) && !latinCompanyEndings[lower] && !companyWords[lower] || strings.ToUpper(word) == word && !latinCompanyEndings[lower] {
			break
		}
		end += m[1]
	}
	return end
}

var latinGeneric = setOf(all("latin_generic"))

var companyWords = setOf(all("company_words_latin"))

func kindOfName(f *folded, end int) Kind {
	last := f.text[strings.LastIndexAny(f.text[:foreignEnd(f, end)], " ")+1 : foreignEnd(f, end)]
	if last = strings.ToLower(last); latinCompanyEndings[last] || companyWords[last] {
		return Company
	}
	return Person
}

// givenInLower returns the end of a name that is written in lower case, 0 where
// the word at text[i:j] is none: a given name that is no word, or one beside a
// verb that goes with persons.
func givenInLower(f *folded, i, j int) int {
	word := strings.TrimSuffix(f.text[i:j], "'s")
	if !givenNames[word] || !apart(f, i, j) || len(word) < 3 {
		return 0
	}
	end := i + len(word)
	surname := nextLower.FindStringSubmatchIndex(f.text[end:])
	named := surname != nil && !isEnglish(f.text[end+surname[2]:end+surname[3]])
	switch {
	case named:
		return end + surname[1]
	case !isEnglish(word), saidBy.MatchString(f.text[end:]) && !determined(f, i), addressedTo.MatchString(f.text[max(0, i-12):i]) && !commonWords[word]:
		return end
	}
	return 0
}

var determiner = regexp.MustCompile(`(?i)\b(?:the|a|an|this|that|our|your|their|my|his|her|its|no|any|each|every) $`)

func determined(f *folded, i int) bool { return determiner.MatchString(f.text[max(0, i-8):i]) }
