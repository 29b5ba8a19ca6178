package privacy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A token reads 客户_K71: the label of its kind, a letter and a number. Other
// spellings of the same value have a v and their number behind: 客户_K71v2.
// Brackets enclose it where it would run together with its neighbours.
const (
	openMark  = "⟦"
	closeMark = "⟧"
)

// tokens maps tokens to values.
type tokens struct {
	key    []byte
	taken  string // text in which no token may occur
	byBase map[string]*entry
	byID   map[string]*entry // lower case
	order  []*entry
}

// entry is one value and its spellings, the first of which is the value itself.
type entry struct {
	kind      Kind
	label, id string
	spellings []string
	used      bool // some spelling was masked
}

func newTokens(key []byte, taken string) *tokens {
	return &tokens{key: key, taken: taken, byBase: map[string]*entry{}, byID: map[string]*entry{}}
}

// enter makes a value known, and its plain spelling the first.
func (t *tokens) enter(base string, kind Kind, spelling string) *entry {
	e, ok := t.byBase[base]
	if !ok {
		e = &entry{kind: kind, label: kind.written(spelling), id: t.newID(base), spellings: []string{spelling}}
		t.byBase[base], t.byID[strings.ToLower(e.id)] = e, e
		t.order = append(t.order, e)
	}
	return e
}

// token returns the token for a spelling of a value.
func (t *tokens) token(base string, kind Kind, spelling string) string {
	e := t.enter(base, kind, spelling)
	e.used = true
	for i, s := range e.spellings {
		if s == spelling {
			return e.written(i)
		}
	}
	e.spellings = append(e.spellings, spelling)
	return e.written(len(e.spellings) - 1)
}

func (e *entry) written(i int) string {
	if i == 0 {
		return e.label + "_" + e.id
	}
	return e.label + "_" + e.id + "v" + strconv.Itoa(i+1)
}

const (
	idLetters  = "ABCDEFGHJKLMNPRSTUVWXYZ"
	fewEntries = 1000 // up to which two digits are enough
)

// newID derives a value's letter and number from the value and the key. One that
// is taken, or that the texts themselves hold, is passed over.
func (t *tokens) newID(base string) string {
	for n := 0; ; n++ {
		mac := hmac.New(sha256.New, t.key)
		fmt.Fprintf(mac, "%d\n%s", n, base)
		h := binary.BigEndian.Uint64(mac.Sum(nil))
		lowest, span := uint64(10), uint64(90)
		if len(t.order) >= fewEntries || n > 200 {
			lowest, span = 1000, 9000
		}
		letter := idLetters[h%uint64(len(idLetters))]
		id := string(letter) + strconv.FormatUint(lowest+(h>>8)%span, 10)
		if t.byID[strings.ToLower(id)] == nil && !strings.Contains(t.taken, strings.ToLower(id)) {
			return id
		}
		if n > 10_000 { // the texts hold every token there is; nothing is masked twice
			return id + strconv.Itoa(n)
		}
	}
}

// counts returns how many values were masked, by kind.
func (t *tokens) counts() map[string]int {
	n := map[string]int{}
	for _, e := range t.order {
		if e.used {
			n[string(e.kind)]++
		}
	}
	return n
}
