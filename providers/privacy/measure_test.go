package privacy

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// typed is a text as people type it. In the files «kind:value» marks a value that
// must not be sent, and a ? behind the kind a value that docs/privacy.md lists
// among those that can leak. Lines that begin with @ are fields beside the text.
type typed struct {
	name   string
	fields map[string]any
	text   string
	values []typedValue
}

type typedValue struct {
	start, end int
	kind       string
	disclaimed bool
	field      bool // it is a value, or a part of a value, of a field
}

var (
	typedMark  = regexp.MustCompile(`«(\w)(\??):([^»]*)»`)
	typedKinds = map[string]string{"p": "person", "c": "company", "j": "project", "a": "address", "s": "secret", "n": "number"}
)

func readTyped(t testing.TB, file string) []typed {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []typed
	for i, part := range strings.Split(string(raw), "\n=== ")[1:] {
		style, body, _ := strings.Cut(part, "\n")
		x := typed{name: fmt.Sprintf("%s %d", style, i+1), fields: map[string]any{}}
		var fields strings.Builder
		for strings.HasPrefix(body, "@") && strings.Contains(body, "\n") {
			line, rest, _ := strings.Cut(body, "\n")
			name, value, _ := strings.Cut(line[1:], " ")
			if name == "所有人" {
				break
			}
			x.fields[name] = typedMark.ReplaceAllString(value, "$3")
			fields.WriteString(squeezed(x.fields[name].(string)) + "\n")
			body = rest
		}
		x.read(strings.TrimSpace(strings.ReplaceAll(body, `\n`, "\n")), fields.String())
		all = append(all, x)
	}
	return all
}

func (x *typed) read(text, fields string) {
	var out strings.Builder
	at := 0
	for _, m := range typedMark.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[at:m[0]])
		value := text[m[6]:m[7]]
		x.values = append(x.values, typedValue{
			start: out.Len(), end: out.Len() + len(value), kind: typedKinds[text[m[2]:m[3]]],
			disclaimed: m[4] < m[5], field: strings.Contains(fields, squeezed(value)),
		})
		out.WriteString(value)
		at = m[1]
	}
	x.text = out.String() + text[at:]
}

// leaks is what a set of texts let out.
type leaks struct {
	values, whole, part map[string]int // by kind; those that are disclaimed apart
	units, taken        int            // words, and those of them that were masked needlessly
	figures             int            // amounts and dates that were lost
	held, texts         int
	report              []string
}

func (l *leaks) share(kinds ...string) float64 {
	n, bad := 0, 0
	for _, k := range kinds {
		n, bad = n+l.values[k], bad+l.whole[k]+l.part[k]
	}
	return 100 * float64(bad) / float64(max(n, 1))
}

func (l *leaks) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(l.values)) {
		fmt.Fprintf(&b, "%-12s %3d values, %2d left, %2d in part\n", k, l.values[k], l.whole[k], l.part[k])
	}
	fmt.Fprintf(&b, "left of what is promised %.1f %%, of what is disclaimed %.1f %%, masked needlessly %.2f %% of words, %d figures lost, %d of %d texts held back\n",
		l.share(promised...), l.share("disclaimed"), 100*float64(l.taken)/float64(max(l.units, 1)), l.figures, l.held, l.texts)
	return b.String()
}

var promised = []string{"field", "person", "company", "project", "address", "secret", "number"}

// figure is an amount, a share or a date.
var figure = regexp.MustCompile(`\d{4}-\d{1,2}-\d{1,2}|\d{1,2}月\d{1,2}日|[¥$€£] ?\d[\d,.]*|(?:USD|EUR|DKK|RMB|NT\$) ?\d[\d,.]*|\d[\d,.]*(?: ?(?:%|‰|万|亿|元|吨|公斤|台|套|天|个月|kg|pcs|片|箱|桌|亩|小时|周|组|柜|托|件|袋))`)

// units yields the words of a text as they are counted: a run of letters and
// digits, or a Chinese character.
func units(text string) [][]int {
	return regexp.MustCompile(`\p{Han}|[\p{Latin}\p{Nd}]+`).FindAllStringIndex(text, -1)
}

func (l *leaks) add(t testing.TB, x typed, listed any) {
	t.Helper()
	input := maps.Clone(x.fields)
	input["notes"] = x.text
	raw, err := encode(input)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Options{Key: []byte("k"), Words: words}, raw)
	if err != nil {
		t.Fatal(err)
	}
	if back := m.RestoreJSON(string(m.Input())); back != string(raw) {
		t.Errorf("%s: restored\n%s, want\n%s", x.name, back, raw)
	}
	if err := m.Check(string(m.Input())); err != nil {
		t.Errorf("%s: %v in %s", x.name, err, m.Input())
	}
	spans := m.find(x.text)
	l.texts++
	if w := m.Unexplained(); len(w) > 0 {
		l.report = append(l.report, fmt.Sprintf("%s: held for %v", x.name, w))
		l.held++
	}
	for _, v := range x.values {
		l.value(x, v, spans)
	}
	for _, u := range units(x.text) {
		l.units++
		if covers(spans, u[0]) && !slices.ContainsFunc(x.values, func(v typedValue) bool { return v.start <= u[0] && u[0] < v.end }) {
			l.taken++
			l.report = append(l.report, fmt.Sprintf("%s: taken %s", x.name, x.text[u[0]:u[1]]))
		}
	}
	for _, m := range figure.FindAllStringIndex(x.text, -1) {
		inside := slices.ContainsFunc(x.values, func(v typedValue) bool { return v.start < m[1] && m[0] < v.end })
		if !inside && slices.ContainsFunc(spans, func(s span) bool { return s.start < m[1] && m[0] < s.end }) {
			l.figures++
			l.report = append(l.report, fmt.Sprintf("%s: lost %s", x.name, x.text[m[0]:m[1]]))
		}
	}
}

// value counts one value as masked, left, or left in part. What is left of it
// that names nobody, such as a title, does not count.
func (l *leaks) value(x typed, v typedValue, spans []span) {
	kind := v.kind
	switch {
	case v.disclaimed:
		kind = "disclaimed"
	case v.field:
		kind = "field"
	}
	l.values[kind]++
	var rest strings.Builder
	masked := false
	for i, r := range x.text[v.start:v.end] {
		switch {
		case covers(spans, v.start+i):
			masked = true
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			rest.WriteRune(r)
		}
	}
	word := rest.String()
	switch {
	case word == "":
	case !masked && !language().generic(word):
		l.whole[kind]++
		l.report = append(l.report, fmt.Sprintf("%s: left %s %s", x.name, kind, x.text[v.start:v.end]))
	case !titles[word] && withoutRole(word) != "" && !latinTitles[strings.ToLower(word)] && !language().generic(word):
		l.part[kind]++
		l.report = append(l.report, fmt.Sprintf("%s: left %s of %s %s", x.name, word, kind, x.text[v.start:v.end]))
	}
}

func covers(spans []span, at int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.start <= at && at < s.end })
}

func measure(t testing.TB, file string) *leaks {
	t.Helper()
	l := &leaks{values: map[string]int{}, whole: map[string]int{}, part: map[string]int{}}
	for _, x := range readTyped(t, file) {
		l.add(t, x, nil)
	}
	return l
}

// TestTypedTexts measures what the rules alone leave of texts as people type
// them. The bounds are what docs/privacy.md states.
func TestTypedTexts(t *testing.T) {
	for file, bound := range map[string]float64{"typed": 4, "heldout": 8, "unseen": 4, "fresh": 4, "fifth": 9, "sixth": 11} {
		l := measure(t, "testdata/"+file+".txt")
		t.Logf("%s\n%s", file, l)
		if os.Getenv("SHOW") != "" {
			t.Log(strings.Join(l.report, "\n"))
		}
		if got := l.share(promised...); got > bound {
			t.Errorf("%s: %.1f %% of what is promised is left, want at most %.1f", file, got, bound)
		}
		if taken := float64(l.taken) / float64(l.units); taken > 0.03 || l.figures > 0 {
			t.Errorf("%s: %.1f %% of words are masked needlessly, %d figures lost", file, 100*taken, l.figures)
		}
	}
}
