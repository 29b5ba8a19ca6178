package privacy

import (
	"math"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Chinese text has no spaces, so that whether 高鹏飞 is a name depends on how
// its characters are cut into words. segment returns the likeliest cut of a run:
// every word has a cost (the negative logarithm of how often it is seen), a name
// one that is made of those of its surname and its given name, and the cheapest
// way through the run wins. The context of a name makes it cheaper.

// piece is a part of a run of Chinese characters.
type piece struct {
	start, end int // bytes of the folded text
	sort       pieceSort
}

type pieceSort uint8

const (
	wordPiece   pieceSort = iota // of more than one character
	singlePiece                  // a character by itself
	personPiece                  // a name, with its title
)

// The costs of words, in nats.
const (
	nameCost     = 6.0  // of a person being mentioned at all
	givenCost    = 5.3  // of a usual character of given names
	strangeCost  = 11.0 // of any other character in a given name
	titleCost    = 2.3  // of a title behind a name
	wordInside   = 2.5  // of a name that begins with a word
	verbInside   = 4.5  // of a name that ends in a character with which verbs begin
	wordBefore   = 3.0  // of a name whose surname ends the word before it
	vagueInside  = 1.5  // of a name inside a run whose surname often begins another word
	titleAsGiven = 3.0  // of a title that is taken for a given name
	unseenCost   = 14.0 // of a character that no list holds
	listedCost   = 10.5 // of a word that a list of this package holds, without its rank
	longestWord  = 5    // in characters
)

// vocabulary is what words and names cost.
type vocabulary struct {
	words    map[string]float64
	surnames map[string]float64
	titles   set
}

// vocab returns the vocabulary, read once.
var vocab = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{words: make(map[string]float64, 70_000), surnames: map[string]float64{}, titles: set{}}
	for rank, w := range all("common") {
		v.words[w] = 3 + math.Log(float64(rank+5)) // the frequency of a word is about inverse to its rank
	}
	for _, file := range []string{"business", "words", "places", "trades", "plain", "roles", "titles", "labels", "headings", "verbs", "familiar_not", "not_persons", "nobody", "companies", "company_not"} {
		for _, w := range all(file) {
			if n := utf8.RuneCountInString(w); allHan(w) && n > 1 && n <= longestWord {
				v.words[w] = min(listedCost, v.cost(w))
			}
		}
	}
	for rank, s := range all("surnames_plain") {
		v.surnames[s] = 1.2 + math.Log(float64(rank+4))
	}
	for rank, s := range all("surnames_vague") {
		v.surnames[s] = 2.7 + math.Log(float64(rank+10))
	}
	for _, s := range all("surnames_compound") {
		v.surnames[s] = 5
	}
	for _, title := range all("titles") {
		v.titles[title] = true
	}
	return v
})

func (v *vocabulary) cost(word string) float64 {
	if c, ok := v.words[word]; ok {
		return c
	}
	return unseenCost
}

// knownCost is what the rarest words cost that are taken for what they say.
const knownCost = 13.9

// knows reports whether a text is a word that is seen often enough to be taken
// for what it says.
func (v *vocabulary) knows(word string) bool {
	return v.cost(word) < knownCost
}

// pieces returns the cut of every run of Chinese characters in a text.
func (v *vocabulary) pieces(f *folded) []piece {
	var out []piece
	for i := 0; i < len(f.text); {
		r, size := utf8.DecodeRuneInString(f.text[i:])
		if !isHan(r) {
			i += size
			continue
		}
		end := i
		for end < len(f.text) {
			r, size := utf8.DecodeRuneInString(f.text[end:])
			if !isHan(r) {
				break
			}
			end += size
		}
		out = append(out, v.segment(f, i, end)...)
		i = end
	}
	return out
}

// segment cuts one run. All its characters have the length of han; those that
// have not are cut off by themselves.
func (v *vocabulary) segment(f *folded, from, to int) []piece {
	n := (to - from) / han
	if n*han != to-from { // characters beyond the basic plane
		return []piece{{from, to, singlePiece}}
	}
	best, via := make([]float64, n+1), make([]piece, n+1)
	for i := 1; i <= n; i++ {
		best[i] = math.Inf(1)
	}
	step := func(i, size int, cost float64, sort pieceSort) {
		if j := i + size; j <= n && best[i]+cost < best[j] {
			best[j], via[j] = best[i]+cost, piece{from + i*han, from + j*han, sort}
		}
	}
	for i := range n {
		at := from + i*han
		step(i, 1, v.cost(f.text[at:at+han]), singlePiece)
		for size := 2; size <= min(longestWord, n-i); size++ {
			if c, ok := v.words[f.text[at:at+size*han]]; ok {
				step(i, size, c, wordPiece)
			}
		}
		v.names(f, at, to, func(size int, cost float64) { step(i, size, cost, personPiece) })
	}
	var out []piece
	for i := n; i > 0; i = (out[len(out)-1].start - from) / han {
		out = append(out, via[i])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// names yields the names that may begin at text[at], with their sizes and costs.
func (v *vocabulary) names(f *folded, at, to int, yield func(size int, cost float64)) {
	text := f.text[:to]
	around := v.before(f, at)
	if r := firstRune(text[at:]); strings.ContainsRune("小老阿大", r) {
		v.familiar(f, at, to, around, yield)
	}
	v.called(f, at, to, around, yield)
	for _, size := range []int{1, 2} {
		if at+size*han > to {
			return
		}
		surname, ok := v.surnames[text[at:at+size*han]]
		if !ok {
			continue
		}
		cost := nameCost + surname - around
		if size == 1 && isHan(f.before(at)) && around < 0.5 && language().vague[firstRune(text[at:])] {
			cost += vagueInside
		}
		if at >= han && isHan(f.before(at)) && around < 5 && v.cost(f.text[at-han:at+han]) < listedCost {
			cost += wordBefore
		}
		for given := range 3 {
			end := at + (size+given)*han
			if end > to {
				break
			}
			if given > 0 {
				cost += v.given(text[end-han : end])
			}
			if given == 2 && v.knows(text[at:at+size*han+han]) {
				cost += wordInside
			}
			if given == 1 && v.titles[text[end-han:end]] {
				cost += titleAsGiven
			}
			if title := titleAt(text[end:]); title != "" && !v.knows(text[at:end+len(title)]) && !goesOnAs(text[end:], title) {
				yield(size+given+len(title)/han, cost+titleCost+v.short(title))
			}
			switch {
			case given == 0:
			case v.knows(text[at:end]):
			default:
				yield(size+given, cost-v.behind(f, at, end)+v.few(size+given)+v.verb(text[end-han:end]))
			}
		}
	}
}

// called yields 婉姐 and 胖哥, and a title behind a surname that is rare: any
// character that is no usual word by itself may precede it.
func (v *vocabulary) called(f *folded, at, to int, around float64, yield func(size int, cost float64)) {
	if at+2*han > to || around < 0 {
		return
	}
	char := f.text[at : at+han]
	if v.cost(char) < strangerCost || v.surnames[char] > 0 {
		return
	}
	title := titleAt(f.text[at+han : to])
	if title == "" || goesOnAs(f.text[at+han:to], title) || v.knows(f.text[at:at+han+len(title)]) || language().stems[char] {
		return
	}
	switch cost := nameCost + titleCost - around; {
	case rareSurnames[char] && isHan(f.before(at)) == (around > 0 && isHan(f.before(at))):
		yield(1+len(title)/han, cost+8+v.short(title))
	case intimate[title] && (around > 0 || language().given[firstRune(char)]):
		yield(1+len(title)/han, cost+7)
	}
}

// strangerCost is what a character costs that is seldom a word by itself.
const strangerCost = 8.5

// intimate are the titles that also follow given names.
var intimate = setOf(all("titles_familiar"))

// few is what a name of two characters costs more than one of three: two
// characters are a word more often.
func (v *vocabulary) few(size int) float64 {
	if size == 2 {
		return 2.5
	}
	return 0
}

// verb is what a name costs more whose last character rather begins what is said
// of a person.
func (v *vocabulary) verb(last string) float64 {
	if closers[firstRune(last)] || verbs[last] {
		return verbInside
	}
	return 0
}

// short is what a title of one character costs more.
func (v *vocabulary) short(title string) float64 {
	if len(title) == han {
		return 1
	}
	return 0
}

// goesOnAs reports whether a title only begins a longer word: 工 in 工作.
func goesOnAs(text, title string) bool {
	return goesOn(title, firstRune(text[len(title):])) && !startsWithVerb(text[len(title):])
}

// familiar yields 小王, 老李, 大刘 and 阿珍.
func (v *vocabulary) familiar(f *folded, at, to int, around float64, yield func(size int, cost float64)) {
	if at+2*han > to {
		return
	}
	second := f.text[at+han : at+2*han]
	if familiarWords[f.text[at:at+2*han]] && around < 2 {
		return
	}
	cost, ok := v.surnames[second]
	switch {
	case f.text[at:at+han] == "阿" && language().given[firstRune(second)]:
		cost = givenCost
	case !ok && f.text[at:at+han] == "小" && around >= 1 && v.behind(f, at, at+2*han) >= 0.5 && language().given[firstRune(second)] && !v.knows(f.text[at:at+2*han]):
		cost = givenCost + 2 // 店长小芬
	case !ok:
		return
	case f.text[at:at+han] == "大":
		cost += 2
	}
	yield(2, nameCost+cost+1-around-v.behind(f, at, at+2*han))
}

func (v *vocabulary) given(char string) float64 {
	if language().given[firstRune(char)] {
		return givenCost
	}
	if strings.ContainsAny(char, "的了是和与在有不这那个们到及或我你他她它把被将要就都也还没为对从向让给说么吗呢吧啊") {
		return 2 * strangeCost
	}
	return strangeCost
}

// before is the evidence for a name in the text before it.
func (v *vocabulary) before(f *folded, at int) float64 {
	switch {
	case v.labelled(f, at):
		return 5
	case counted(f, at):
		return -8
	case f.before(at) == '→', f.before(at) == '、':
		return 1.5
	case !isHan(f.before(at)):
		return 1
	case openers[f.before(at)]:
		return 0.5
	}
	return 0
}

// counted reports whether the text at a place is counted by the number before
// it: 20 万已打 begins with no surname.
func counted(f *folded, at int) bool {
	text := strings.TrimRight(f.text[:at], " ")
	return text != "" && isDigit(text[len(text)-1]) && at-len(text) <= 1 && strings.ContainsAny(f.text[at:at+han], "万周张元时车方成单包项席米") ||
		strings.ContainsRune("一二三四五六七八九十百千几两半每上下本那这哪某多", f.before(at)) && strings.ContainsAny(f.text[at:at+han], "万周张元时车方成单包项席")
}

// labelled reports whether a label of persons comes right before a place.
func (v *vocabulary) labelled(f *folded, at int) bool {
	text := strings.TrimRight(f.text[max(0, at-21):at], " :(\"“")
	for size := longestWord; size > 1; size-- {
		if n := size * han; n <= len(text) && personLabels[text[len(text)-n:]] {
			return true
		}
	}
	return false
}

// behind is the evidence for a name in the text behind it.
func (v *vocabulary) behind(f *folded, at, end int) float64 {
	switch {
	case startsWithVerb(f.text[end:]):
		return 2
	case f.after(end) == ':' && !isHan(f.before(at)):
		return 4 // who speaks
	case f.after(end) == ':', f.after(end) == '(', f.after(end) == '→', f.after(end) == '、':
		return 1.5
	case !isHan(f.after(end)):
		return 1
	case closers[f.after(end)]:
		return 0.5
	}
	return 0
}

var personLabels = setOf(all("labels"))
