// Package privacy keeps a job's names, numbers and addresses from the cloud. A
// [Mask] replaces the values in what is sent by tokens that a model can reason
// about, and puts the values back into what it answers, also while the answer
// streams.
//
// What is a value is found in three ways: by the members of the input that hold
// one (customer, contact, …), whose values are then looked for everywhere in all
// their spellings; by form and check digits (telephone numbers, identity and
// bank cards, keys, …); and by its context (a surname before a title,
// a name before a legal form, a road before a house number). Amounts, dates,
// stages and product codes stay, since an analysis is about them.
//
// Before anything leaves, [Mask.Check] searches it once more; on any doubt it is
// not sent.
package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Options are what a mask is made with.
type Options struct {
	Key    []byte   // the tokens are derived from it; the same key and input give the same masked text
	Words  []string // values that mean something to the agent, such as those of an enumeration; never masked as a field's value
	Public string   // what is sent with every job of the agent, so that nothing in it is a secret
	Found  []Found  // names that a model has listed in the input's texts
	// FieldsOnly masks the values of fields and what its form identifies, and
	// guesses nothing from the context of a word. It is for inputs without
	// free text; see Prose.
	FieldsOnly bool
}

// Found is a name that a model has listed in a text. It counts only where the
// text holds it.
type Found struct {
	Text string `json:"text"`
	Kind Kind   `json:"kind"`
}

// Mask is the masking of one job's data. It is safe for concurrent use.
type Mask struct {
	words  set    // of Options
	public string // squeezed
	input  json.RawMessage
	source string // folded text of the whole input: no token may occur in it

	mu       sync.Mutex
	dict     *dictionary
	tokens   *tokens
	persons  map[string][]string // surname → bases of the persons in the dictionary
	kept     set                 // numbers of the input that are amounts, whatever they look like
	unknown  []string
	products set

	fieldsOnly  bool
	noting      bool     // text records what is unexplained
	unexplained []string // see Unexplained
	texts       []string // see FreeTexts
	guessed     set      // squeezed names that the rules have found in free texts
}

// New returns the mask for an input. The error says that the input is not JSON.
func New(o Options, input json.RawMessage) (*Mask, error) {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("mask the input: %w", err)
	}
	m := &Mask{
		words: setOf(o.Words), public: squeezed(o.Public), dict: newDictionary(),
		persons: map[string][]string{}, kept: set{}, products: set{}, guessed: set{}, fieldsOnly: o.FieldsOnly,
	}
	m.source = fold(texts(v)).lower
	m.tokens = newTokens(o.Key, m.source+fold(o.Public).lower)
	m.products.addProducts(v, "")
	m.collect(v, "")
	m.takeFound(o.Found)
	m.noting = true
	masked, err := encode(m.walk(v, "", ""))
	m.noting = false
	if err != nil {
		return nil, fmt.Errorf("mask the input: %w", err)
	}
	m.input = masked
	return m, nil
}

func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// texts joins all texts and names of an input.
func texts(v any) string {
	var b strings.Builder
	var add func(any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case json.Number:
			b.WriteString(v.String() + "\n")
		case []any:
			for _, e := range v {
				add(e)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				b.WriteString(name + "\n")
				add(v[name])
			}
		}
	}
	add(v)
	return b.String()
}

// Input returns the masked input.
func (m *Mask) Input() json.RawMessage { return m.input }

// Counts returns how many values have been masked so far, by kind.
func (m *Mask) Counts() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens.counts()
}

// Text masks a text that goes out beside the input, such as word of what was
// wrong with an answer.
func (m *Mask) Text(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	from, last := 0, rune(0)
	r := reader{text, true, true}
	for i := 0; i < len(text); { // what is masked already stays
		if h, v := m.tokens.at(r, i, last); v == found && h.entry != nil {
			b.WriteString(m.text(text[from:i]))
			b.WriteString(text[i:h.end])
			i, from, last = h.end, h.end, '⟧'
			continue
		}
		c, size, _ := r.next(i)
		last = c
		i += size
	}
	b.WriteString(m.text(text[from:]))
	return b.String()
}

// longestValue is the longest text of a field that is taken for a value; a
// longer one is a note.
const longestValue = 80

// collect fills the dictionary with what the members of the input hold. kind is
// that of the nearest member around, by whose name an object's own name counts.
func (m *Mask) collect(v any, kind Kind) {
	switch v := v.(type) {
	case string:
		if kind != "" {
			m.learn(v, kind)
		}
	case []any:
		for _, e := range v {
			m.collect(e, kind)
		}
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			m.collect(v[member], memberKind(member, kind))
		}
	}
}

// memberKind returns what a member's values are: by its own name, or, where it
// only says that it names its object, by what the object is.
func memberKind(member string, around Kind) Kind {
	if around != "" && isNameField(member) {
		return around
	}
	return fieldKind(member)
}

// learn takes the values of a field into the dictionary.
func (m *Mask) learn(value string, kind Kind) {
	if !m.isValue(value, kind) {
		return
	}
	parts := []string{value}
	if kind == Person || kind == Client || kind == Company {
		parts = splitNames(value, kind)
	}
	for _, part := range parts {
		all := append(spellings(part, kind), m.withoutClient(part, kind)...)
		if len(all) == 0 || utf8.RuneCountInString(squeezed(part)) < 2 {
			continue
		}
		base := string(kind) + ":" + squeezed(part)
		capital := commonWords[strings.ToLower(part)]
		if m.dict.known[squeezed(part)] == "" {
			m.tokens.enter(base, kind, part)
			if surname, _ := language().surname(fold(part).text); kind == Person && surname != "" {
				m.persons[surname] = append(m.persons[surname], base)
			}
		}
		for i, s := range all {
			if key := squeezed(s); utf8.RuneCountInString(key) < 2 || m.products[key] || m.words[s] {
				continue
			}
			w := word{base: base, kind: kind, capital: capital || i > 0 && slices.ContainsFunc(strings.Fields(strings.ToLower(s)), func(w string) bool { return commonWords[w] })}
			m.dict.add(s, w)
			if escaped := jsonInside(s); escaped != s {
				m.dict.add(escaped, w)
			}
		}
	}
}

// withoutClient returns a project without the customer's name that it begins with.
func (m *Mask) withoutClient(value string, kind Kind) []string {
	if kind != Project {
		return nil
	}
	value = fold(value).text
	for n := min(len(value)-4*han, 10*han); n >= 2*han; n -= han {
		if k := m.dict.known[squeezed(value[:n])]; k == Client || k == Company {
			return append(projectSpellings(value[n:]), value[n:])
		}
	}
	return nil
}

// isValue reports whether a field's text is a value and no note, nor a word of
// the agent's.
func (m *Mask) isValue(value string, kind Kind) bool {
	key := squeezed(value)
	switch {
	case key == "" || nobody[key] || m.words[value] || m.products[key]:
		return false
	case kind == Project || kind == Address || kind == Secret || kind == Link:
		return len(value) < 400
	}
	return utf8.RuneCountInString(value) <= longestValue && !strings.ContainsAny(value, "。；！？!?")
}

// splitNames takes a list of names apart, and from each what is no part of it.
func splitNames(value string, kind Kind) []string {
	parts := strings.FieldsFunc(value, func(r rune) bool {
		return strings.ContainsRune("、,，;；/|\n\t", r) && (hasHan(value) || r != ',')
	})
	if kind != Person && hasHan(value) {
		parts = withoutRemarks(parts)
	}
	if kind != Person || !hasHan(value) {
		return parts
	}
	var out []string
	for _, part := range parts {
		for _, p := range strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("()（）:：", r) }) {
			if p = strings.TrimSpace(withoutRole(strings.TrimSpace(p))); p != "" && hasHan(p) || !hasHan(part) {
				out = append(out, trimContact(p))
			}
		}
	}
	return out
}

// withoutRemarks takes remarks off the front of names of companies:
// 老客户-永康炊大皇 is 永康炊大皇.
func withoutRemarks(parts []string) []string {
	for i, part := range parts {
		if head, rest, ok := strings.Cut(fold(part).text, "-"); ok && hasHan(rest) && (nobody[head] || vocab().cost(head) < unseenCost && !strings.Contains(part, "公司")) {
			parts[i] = rest
		}
	}
	return parts
}

// trimContact drops digits behind a name.
func trimContact(s string) string {
	return strings.TrimSpace(strings.TrimRight(s, "0123456789 -+０１２３４５６７８９"))
}

// withoutRole takes roles off a name's front: 采购黄工 is 黄工. What is a role
// alone is nobody.
func withoutRole(name string) string {
	for {
		cut := name
		for _, role := range roles {
			if rest := strings.TrimPrefix(name, role); len(rest) < len(cut) {
				cut = rest
			}
		}
		if cut == name {
			break
		}
		name = strings.TrimSpace(cut)
	}
	if titles[name] {
		return ""
	}
	return name
}

// addProducts notes what the input says that it is about: such words are kept,
// also where another field holds the same.
func (s set) addProducts(v any, name string) {
	switch v := v.(type) {
	case string:
		switch strings.Join(nameWords(name), "") {
		case "product", "products", "productname", "industry", "material", "model", "grade", "stage", "application", "sku", "产品", "产品名称", "行业", "型号", "牌号", "材料", "阶段":
			s[squeezed(v)] = true
		}
	case []any:
		for _, e := range v {
			s.addProducts(e, name)
		}
	case map[string]any:
		for member, e := range v {
			s.addProducts(e, member)
		}
	}
}

// walk returns a copy of an input with its values masked.
func (m *Mask) walk(v any, name string, kind Kind) any {
	switch v := v.(type) {
	case string:
		if kind != "" && utf8.RuneCountInString(squeezed(v)) == 1 && m.isValue(v, kind) {
			return m.tokens.token(string(kind)+":"+squeezed(v), kind, v)
		}
		if kind == Secret && m.isValue(v, kind) {
			return m.tokens.token(string(kind)+":"+squeezed(v), kind, v)
		}
		if kind == "" || !m.isValue(v, kind) {
			m.noteText(v)
		}
		return m.text(v)
	case json.Number:
		return m.number(v, name, kind)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = m.walk(e, name, kind)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, member := range slices.Sorted(maps.Keys(v)) {
			key := member
			if !m.words[member] && fieldKind(member) == "" {
				key = m.text(member)
			}
			out[key] = m.walk(v[member], member, memberKind(member, kind))
		}
		return out
	}
	return v
}

// number masks a number that is no amount: a telephone number need not be a
// text.
func (m *Mask) number(n json.Number, name string, kind Kind) any {
	literal := n.String()
	switch kind {
	case Phone, Handle, ResidentID, BankCard, CreditCode, Passport, Secret:
		if len(literal) >= 5 {
			return m.tokens.token(string(kind)+":"+literal, kind, literal)
		}
	}
	if !isQuantity(name) {
		if found := numbers(fold(literal)); len(found) == 1 {
			return m.tokens.token(string(found[0].kind)+":"+literal, found[0].kind, literal)
		}
	}
	m.kept[literal] = true
	return n
}

// jsonInside returns a text as it is written inside the quotes of a JSON string.
func jsonInside(s string) string {
	b, err := encode(s)
	if err != nil || len(b) < 2 {
		return s
	}
	return string(b[1 : len(b)-1])
}
