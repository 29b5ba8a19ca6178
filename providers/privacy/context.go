package privacy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// mention is somebody who is called in a chat: @王建军.
var mention = regexp.MustCompile(`@([\p{Han}]{2,4}|[A-Z][a-z]+(?: [A-Z][a-z]+)?)`)

// everybody are mentions of nobody in particular.
var everybody = setOf(all("mentions_not"))

// labelledItem is what a label, a mark and up to four characters are: 主持 滑冰.
var labelledItem = regexp.MustCompile(`^(?: ?[:(] ?| {1,2})?(\p{Han}{2,4})(?:[^\p{Han}]|$)`)

// mentions finds persons by the mark or the label before them alone, be their
// name a word or not.
func (v *vocabulary) mentions(f *folded) []span {
	var spans []span
	if strings.Contains(f.text, "@") {
		for _, m := range mention.FindAllStringSubmatchIndex(f.text, -1) {
			if name := f.text[m[2]:m[3]]; !isASCIIWord(f.before(m[0])) && !everybody[strings.ToLower(name)] {
				spans = append(spans, f.source(m[2], m[3], Person, rankContext))
			}
		}
	}
	for i := 0; i < len(f.text); {
		r, size := utf8.DecodeRuneInString(f.text[i:])
		if !isHan(r) {
			i += size
			continue
		}
		n := v.labelAt(f.text[i:])
		if n == 0 {
			i += size
			continue
		}
		i += n
		m := labelledItem.FindStringSubmatchIndex(f.text[i:])
		if m == nil {
			continue
		}
		name := f.text[i+m[2] : i+m[3]]
		apart := m[2] > 0
		if v.mayName(name, apart) {
			spans = append(spans, f.source(i+m[2], i+m[3], Person, rankContext))
		}
	}
	return spans
}

// labelAt returns the length of the longest label of persons that a text begins
// with.
func (v *vocabulary) labelAt(s string) int {
	for n := min(len(s), longestWord*han); n > han; n -= han {
		if personLabels[s[:n]] {
			return n
		}
	}
	return 0
}

// usualCost is what a word costs that is common enough to be no name even
// behind a label.
const usualCost = 11.3

// mayName reports whether the text after a label of persons is a name: it
// begins with a surname, be it a rare one, and is no usual word. A label that is
// not set apart needs a surname that is not rare.
func (v *vocabulary) mayName(name string, apart bool) bool {
	first := name[:han]
	_, common := v.surnames[first]
	if !common && len(name) >= 2*han {
		_, common = v.surnames[name[:2*han]]
	}
	if !common && (!apart || !rareSurnames[first]) {
		return false
	}
	if nobody[name] || titles[name] || withoutRole(name) == "" || v.labelAt(name) > 0 || v.cost(name) < usualCost || len(name) > 3*han && v.surnames[name[:2*han]] == 0 {
		return false
	}
	for at := 0; at < len(name); at += han { // 签字确认 and the like: a usual word is in it
		for n := len(name) - at; n > han; n -= han {
			if v.cost(name[at:at+n]) < usualCost && (at > 0 || !apart) {
				return false
			}
		}
	}
	return !strings.ContainsAny(name, "的了是在有不各等部")
}

var rareSurnames = setOf(all("surnames_rare"))
