package privacy

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
)

// business is a text as people write it, with marks around what it holds: «…»
// is a value that must go, ‹…› may go or stay, and all else has to stay. A value
// that is known to be left is written «?…», a word that is known to be taken
// ‹!…›. Lines that begin with @ are fields of the input beside the note.
type business struct {
	name   string
	fields map[string]any
	note   string
	values []planted
}

type planted struct {
	start, end int
	kind       rune // one of «‹
	known      bool // it is known to be wrong
}

// readBusiness reads the texts of a file.
func readBusiness(t testing.TB, file string) []business {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []business
	for i, part := range strings.Split("\n"+string(raw), "\n=== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		b := business{name: fmt.Sprintf("%s %d", head, i+1), fields: map[string]any{}}
		for {
			line, rest, _ := strings.Cut(body, "\n")
			name, value, ok := strings.Cut(strings.TrimPrefix(line, "@"), " ")
			if !ok || !strings.HasPrefix(line, "@") {
				break
			}
			b.setField(name, strings.NewReplacer("«", "", "»", "").Replace(value))
			body = rest
		}
		b.read(strings.TrimSuffix(strings.ReplaceAll(body, `\n`, "\n"), "\n"))
		all = append(all, b)
	}
	return all
}

func (b *business) setField(name, value string) {
	var v any = value
	if list, ok := strings.CutPrefix(value, "["); ok {
		var names []any
		for s := range strings.SplitSeq(strings.TrimSuffix(list, "]"), ", ") {
			names = append(names, s)
		}
		v = names
	}
	at := b.fields
	for {
		outer, inner, nested := strings.Cut(name, ".")
		if !nested {
			at[name] = v
			return
		}
		if _, ok := at[outer]; !ok {
			at[outer] = map[string]any{}
		}
		at, name = at[outer].(map[string]any), inner
	}
}

// read takes the marks out of a text.
func (b *business) read(text string) {
	var out strings.Builder
	var open planted
	for _, r := range text {
		switch {
		case r == '«' || r == '‹':
			open = planted{start: out.Len(), kind: r}
		case r == '»' || r == '›':
			open.end = out.Len()
			b.values = append(b.values, open)
		case (r == '?' || r == '!') && open.kind != 0 && open.end == 0 && out.Len() == open.start && !open.known:
			open.known = true
		default:
			out.WriteRune(r)
		}
	}
	b.note = out.String()
	b.fields["notes"] = b.note
}

// verdicts is what came of a corpus.
type verdicts struct{ values, hidden, spans, right, knownLeft, knownTaken int }

func (b *business) judge(t *testing.T, v *verdicts) {
	t.Helper()
	in, err := encode(b.fields)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Options{Key: []byte(b.name), Words: words}, in)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	spans := m.find(b.note)
	m.mu.Unlock()
	covered := make([]bool, len(b.note))
	for _, s := range spans {
		for i := s.start; i < s.end; i++ {
			covered[i] = true
		}
	}
	free := make([]planted, len(b.note))
	for _, mk := range b.values {
		left := b.letters(mk.start, mk.end, func(i int) bool { return !covered[i] })
		for i := mk.start; i < mk.end; i++ {
			free[i] = mk
		}
		if mk.kind != '«' || mk.start == mk.end {
			continue
		}
		v.values++
		switch {
		case left == "":
			v.hidden++
		case mk.known:
			v.knownLeft++
		default:
			t.Errorf("%s: %q is left of %q in %s", b.name, left, b.note[mk.start:mk.end], m.Input())
		}
	}
	for _, s := range spans {
		v.spans++
		taken := b.letters(s.start, s.end, func(i int) bool { return free[i].kind == 0 })
		known := b.letters(s.start, s.end, func(i int) bool { return free[i].kind == '‹' && free[i].known })
		switch {
		case taken != "":
			t.Errorf("%s: %q of %q is taken in %s", b.name, taken, b.note[s.start:s.end], m.Input())
		case known != "":
			v.knownTaken++
		default:
			v.right++
		}
	}
	if back := m.RestoreJSON(string(m.Input())); back != string(in) {
		t.Errorf("%s: restored %s\nwant %s", b.name, back, in)
	}
	if err := m.Check(string(m.Input())); err != nil {
		t.Errorf("%s: %v in %s", b.name, err, m.Input())
	}
}

// letters returns the letters and digits of a piece of the note of which a
// condition is true.
func (b *business) letters(start, end int, of func(i int) bool) string {
	var out strings.Builder
	for i, r := range b.note[start:end] {
		if (unicode.IsLetter(r) || unicode.IsDigit(r)) && of(start+i) {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func TestBusinessTexts(t *testing.T) {
	for _, file := range []string{"business_a", "business_b", "business_c", "business_d"} {
		t.Run(file, func(t *testing.T) {
			var v verdicts
			all := readBusiness(t, "testdata/"+file+".txt")
			for i := range all {
				all[i].judge(t, &v)
			}
			t.Logf("%d texts: %d of %d values hidden (%d known to be left); %d of %d places right (%d known to be wrong)",
				len(all), v.hidden, v.values, v.knownLeft, v.right, v.spans, v.knownTaken)
		})
	}
}
