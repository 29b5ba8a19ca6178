package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// honorifics are what a person is called by behind the surname, the longest
// first. They are no part of a name but of how it is written.
var honorifics = all("titles")

// roles are words before a name that are no part of it.
var roles = all("roles")

// nobody are values that mean that there is none.
var nobody = setOf(all("nobody"))

// spellings returns how a value is written elsewhere, itself first. It is "" of
// nothing: a value that says nothing has no spellings.
func spellings(value string, kind Kind) []string {
	value = strings.TrimSpace(value)
	if nobody[squeezed(value)] {
		return nil
	}
	written := value
	value = fold(value).text
	all := []string{value}
	for _, other := range []string{umlauts.Replace(written), plainer.Replace(written)} {
		if other != written && (kind == Person || kind == Client || kind == Company) {
			all = append(all, spellings(other, kind)...)
		}
	}
	switch kind {
	case Client, Company:
		all = append(all, companySpellings(value)...)
	case Person:
		all = append(all, personSpellings(value)...)
	case Project:
		all = append(all, projectSpellings(value)...)
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
var companyEndings = all("company_endings")

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
	all = append(all, beginnings(stem)...)
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

// beginnings are what a company is called for short: the first two, three or four
// characters of its name, without its place. A part that is a usual word, or that
// cuts a word, is left out.
func beginnings(stem string) []string {
	var out []string
	v := vocab()
	for n := 2 * han; n <= min(4*han, len(stem)-han); n += han {
		head := stem[:n]
		if v.cost(head) < 10 || language().generic(head) || n > 2*han && v.cost(stem[n-han:n]) > 8 && v.knows(stem[n-han:min(n+han, len(stem))]) {
			continue
		}
		out = append(out, head)
		if rest := stem[n:]; n == 2*han && len(rest) >= 4*han && v.cost(rest[:2*han]) > 13 && !language().generic(rest) {
			out = append(out, rest)
		}
	}
	return out
}

var (
	projectCode  = regexp.MustCompile(`^[A-Za-z]{1,4}-?[0-9]{1,5}[A-Za-z0-9-]*|^[A-Z]{3,}`)
	projectTails = all("project_tails")
)

// projectSpellings are a project without its last word, without the code that it
// begins with, and the code.
func projectSpellings(value string) []string {
	var out []string
	for _, tail := range projectTails {
		if cut := strings.TrimSpace(strings.TrimSuffix(value, tail)); cut != value && utf8.RuneCountInString(cut) >= 2 && !language().generic(cut) {
			out = append(out, cut)
		}
	}
	if code := projectCode.FindString(value); len(code) >= 3 && code != value {
		out = append(out, code)
		if rest := strings.TrimSpace(value[len(code):]); utf8.RuneCountInString(rest) >= 4 {
			out = append(out, rest)
		}
	}
	return out
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

var latinCompanyEndings = setOf(all("company_endings_latin"))

// umlauts are how letters are written where a keyboard has none of them.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "ø", "oe", "Ø", "Oe", "å", "aa", "Å", "Aa", "æ", "ae", "Æ", "Ae")

// plainer returns letters that lose more than an accent without it.
var plainer = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "O", "æ", "ae", "Æ", "Ae", "ł", "l", "Ł", "L", "đ", "d", "ı", "i")

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
	if len(surname) > han {
		all = append(all, surname) // 申屠 by itself
	}
	if n == 2 && !words.words[given] && !words.ends[given] && !commonGiven[given] {
		all = append(all, given, given+"总")
	}
	return all
}

// commonGiven are given names that mean something else more often.
var commonGiven = setOf(all("given_common"))

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

var latinTitles = setOf(all("titles_latin"))

// commonWords are English words that are parts of names, too: as such they are
// masked where they begin with a capital only.
var commonWords = setOf(all("latin_words_and_names"))

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
