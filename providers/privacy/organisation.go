package privacy

import (
	"slices"
	"strings"
)

var (
	suffixes   = setOf(all("company_suffixes"))
	wellKnown  = longestFirst(setOf(all("companies")))
	cueSet     = setOf(all("company_cues"))
	noPart     = setOf(all("company_not"))
	strongCue  = setOf(all("company_cues_strong"))
	roadEnding = "路街道巷弄桥河湖山港站线江省市县区镇乡村港"
)

// organisations finds companies and institutions by how a text is cut into
// words: a place, something that is no word, and a trade or a suffix.
func (v *vocabulary) organisations(f *folded, pieces []piece) []span {
	words := language()
	o := &organisationFinder{v: v, f: f, l: words, pieces: pieces}
	var spans []span
	for i := 0; i < len(pieces); {
		if n := o.project(i); n > 0 {
			last := i + n - 1
			if o.text(last) == "项目" && n > 1 { // a word about the name, and no part of it
				last--
			}
			spans = append(spans, f.source(pieces[i].start, pieces[last].end, Project, rankContext))
			i += n
			continue
		}
		if n := o.at(i); n > 0 {
			spans = append(spans, f.source(pieces[i].start, pieces[i+n-1].end, Company, rankContext))
			i += n
			continue
		}
		i++
	}
	return append(spans, v.wellKnown(f, pieces)...)
}

type organisationFinder struct {
	v      *vocabulary
	f      *folded
	l      *lexicon
	pieces []piece
}

func (o *organisationFinder) text(i int) string {
	return o.f.text[o.pieces[i].start:o.pieces[i].end]
}

// follows reports whether piece i immediately follows the one before it.
func (o *organisationFinder) follows(i int) bool {
	return i > 0 && i < len(o.pieces) && o.pieces[i].start == o.pieces[i-1].end
}

// at returns of how many pieces an organisation is that begins with piece i.
func (o *organisationFinder) at(i int) int {
	place := o.place(i)
	if place > 0 {
		if n := o.institution(i, place); n > 0 {
			return n
		}
	}
	from := i + place
	if place > 0 && !o.follows(from) {
		return 0
	}
	odd := o.odd(from)
	if place > 0 && odd == 0 && from < len(o.pieces) && len(o.text(from)) == han && strings.ContainsAny(o.text(from), "大新中高和上华正永金天美福") && o.follows(from+1) {
		if odd = o.odd(from + 1); odd > 0 {
			odd++
		}
	}
	if odd == 0 {
		return 0
	}
	end := from + odd
	n := o.tradeOrSuffix(end)
	if place == 0 && o.hasWord(from, odd) && !cueSet[o.before(from)] && !strongCue[o.before(from)] && (o.follows(from) || n == 0 || !o.ends(end+n)) {
		return 0
	}
	size := o.pieces[end-1].end - o.pieces[from].start
	if n > 0 && place == 0 && o.l.stems[o.text(end)] && !o.l.trades[o.text(end)] && !cueSet[o.before(from)] && !strongCue[o.before(from)] {
		return 0
	}
	named := n > 0 && (n > 1 || nameTrades[o.text(end)] || suffixes[o.text(end)] || place > 0 || o.cued(from) || o.ends(end+n))
	switch {
	case named:
		return end + n - i
	case n == 0 && place > 0 && size <= 3*han && (o.ends(end) || size == 2*han && !o.hasWord(from, odd) && o.pieces[end].sort == wordPiece) && !o.isRoad(end-1):
		return end - i
	case n == 0 && place == 0 && size <= 4*han && strongCue[o.before(from)] && o.ends(end) && !o.hasWord(from, odd):
		return end - i
	}
	return 0
}

// place returns of how many pieces the name of a place is that begins at i: a
// city, and its district.
func (o *organisationFinder) place(i int) int {
	n := 0
	for i+n < len(o.pieces) && n < 6 && (n == 0 || o.follows(i+n)) {
		t := o.text(i + n)
		switch {
		case o.l.places[t], o.l.places[strings.TrimRight(t, "省市县区")]:
		case n > 0 && len(t) == han && strings.ContainsAny(t, "省市县区镇"):
		case n > 0 && len(t) > han && strings.ContainsAny(t[len(t)-han:], "市县区镇"):
		default:
			return n
		}
		n++
	}
	return n
}

// project returns of how many pieces the name of a project is that begins with
// piece i: what is no usual word, or a place and more, before 项目 or the like.
func (o *organisationFinder) project(i int) int {
	from := i + o.place(i)
	for n, own := 0, false; n < longestInstitution && from+n < len(o.pieces) && (from+n == i || o.follows(from+n)); n++ {
		t := o.text(from + n)
		if projectEnds[t] && own && (n > 1 || t != "工程") {
			for o.follows(from+n+1) && (projectEnds[o.text(from+n+1)] || from > i && n+1 < longestInstitution && o.endsInProject(from+n+1)) {
				n++
			}
			return from + n + 1 - i
		}
		if noPart[t] || (from <= i && (n >= 2 || !o.rare(from+n))) {
			return 0
		}
		own = own || !o.l.generic(t)
	}
	return 0
}

// endsInProject reports whether the words from piece i on end in 工程 or the like.
func (o *organisationFinder) endsInProject(i int) bool {
	for n := 0; n < 5 && o.follows(i+n) && !noPart[o.text(i+n)]; n++ {
		if projectEnds[o.text(i+n)] {
			return true
		}
	}
	return false
}

// rare reports whether a piece is no usual word.
func (o *organisationFinder) rare(i int) bool {
	t := o.text(i)
	return o.strange(i) || len(t) > han && o.v.cost(t) > 11.8 && !o.l.trades[t] && !o.l.stems[t] && o.v.cost(t) != listedCost
}

var projectEnds = setOf(all("project_ends"))

// longestInstitution is of how many words an institution's name may be.
const longestInstitution = 8

// institution returns of how many pieces a name is that begins with a place and
// ends in a suffix such as 医院.
func (o *organisationFinder) institution(i, place int) int {
	own := false
	for n := place; n < place+longestInstitution && o.follows(i+n); n++ {
		t := o.text(i + n)
		if own && (suffixes[t] || strings.HasSuffix(t, "厂") && !noPart[t]) {
			for o.follows(i+n+1) && suffixes[o.text(i+n+1)] {
				n++
			}
			return n + 1
		}
		if noPart[t] || o.pieces[i+n].sort == personPiece && titleEnds(t) {
			return 0
		}
		own = own || !o.l.generic(t)
	}
	return 0
}

// odd returns of how many pieces the stretch is that begins at i and is made of
// what is no usual word.
func (o *organisationFinder) odd(i int) int {
	n, chars := 0, 0
	for i+n < len(o.pieces) && (n == 0 || o.follows(i+n)) {
		t := o.text(i + n)
		if !o.strange(i + n) {
			break
		}
		if chars += len(t) / han; chars > 5 {
			return 0
		}
		n++
	}
	if chars < 2 {
		return 0
	}
	return n
}

// hasWord reports whether there is a word among n pieces.
func (o *organisationFinder) hasWord(i, n int) bool {
	return slices.ContainsFunc(o.pieces[i:i+n], func(p piece) bool { return p.sort == wordPiece })
}

// strange reports whether a piece may be a part of a name that is no word: a
// character that is rather seen in words, a name of a person, a rare word.
func (o *organisationFinder) strange(i int) bool {
	t := o.text(i)
	if noPart[t] || o.l.trades[t] || o.l.stems[t] || suffixes[t] {
		return false
	}
	switch o.pieces[i].sort {
	case singlePiece:
		return o.v.cost(t) > 8.6
	case personPiece:
		return !titleEnds(t)
	}
	return len(t) <= 2*han && o.v.cost(t) > 12.6
}

func titleEnds(t string) bool {
	for n := han; n < len(t); n += han {
		if titles[t[n:]] {
			return true
		}
	}
	return strings.HasPrefix(t, "小") || strings.HasPrefix(t, "老") || strings.HasPrefix(t, "阿")
}

// tradeOrSuffix returns of how many pieces the trades and the suffix are that
// at i.
func (o *organisationFinder) tradeOrSuffix(i int) int {
	n := 0
	for n < 4 && o.follows(i+n) && (o.l.trades[o.text(i+n)] || o.l.stems[o.text(i+n)] || suffixes[o.text(i+n)]) {
		n++
	}
	for n > 0 && o.l.stems[o.text(i+n-1)] && !o.l.trades[o.text(i+n-1)] {
		n--
	}
	return n
}

// before returns the word before piece i, be it with a colon or a space behind.
func (o *organisationFinder) before(i int) string {
	if i == 0 || strings.Trim(o.f.text[o.pieces[i-1].end:o.pieces[i].start], " :") != "" {
		return ""
	}
	return o.text(i - 1)
}

func (o *organisationFinder) cued(i int) bool {
	return cueSet[o.before(i)] || strongCue[o.before(i)] || !o.follows(i)
}

// ends reports whether a name may have ended before piece i.
func (o *organisationFinder) ends(i int) bool {
	return !o.follows(i) || o.pieces[i].sort == personPiece || startsWithVerb(o.f.text[o.pieces[i].start:]) || closers[firstRune(o.text(i))] || noPart[o.text(i)]
}

func (o *organisationFinder) isRoad(i int) bool {
	t := o.text(i)
	next := ""
	if o.follows(i + 1) {
		next = o.text(i + 1)
	}
	return strings.Contains(roadEnding, t[len(t)-han:]) || next != "" && strings.Contains(roadEnding, next[:han])
}

// wellKnown finds the short names of companies that everybody knows, where they
// are not a piece of another word.
func (v *vocabulary) wellKnown(f *folded, pieces []piece) []span {
	starts, ends := make(map[int]bool, len(pieces)), make(map[int]bool, len(pieces))
	for _, p := range pieces {
		starts[p.start], ends[p.end] = true, true
	}
	var spans []span
	for _, name := range wellKnown {
		if !strings.Contains(f.text, name) {
			continue
		}
		for at := 0; ; {
			i := strings.Index(f.text[at:], name)
			if i < 0 {
				break
			}
			i += at
			at = i + len(name)
			if hasHan(name) && (!starts[i] || !ends[at]) || !hasHan(name) && !alone(f, i, at) {
				continue
			}
			spans = append(spans, f.source(i, at, Company, rankContext))
		}
	}
	return spans
}
