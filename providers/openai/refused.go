package openai

import (
	"cmp"
	"crypto/sha256"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/topcentral/spillway/providers"
)

// fields is a set of request fields that are not essential.
type fields uint8

// The fields. The output limit is never omitted, but sent under its other name.
const (
	responseFormatField fields = 1 << iota
	streamOptionsField
	temperatureField
	limitField
)

// fieldNames are the names of each field and its members, and words for it that
// also occur in other contexts.
var fieldNames = []fieldName{
	{responseFormatField, regexp.MustCompile(`\b(response_format|json_object|json_schema|guided_json)\b`), regexp.MustCompile(`\b(response format|json mode|json schema|structured outputs?|guided decoding)\b`)},
	{streamOptionsField, regexp.MustCompile(`\b(stream_options|include_usage)\b`), regexp.MustCompile(`\bstream options\b`)},
	{temperatureField, regexp.MustCompile(`['"` + "`" + `]temperature['"` + "`" + `]`), regexp.MustCompile(`\btemperature\b`)},
	{limitField, regexp.MustCompile(`\b(` + MaxCompletionTokens + `|` + MaxTokens + `)\b`), nil},
}

type fieldName struct {
	field        fields
	names, words *regexp.Regexp
}

// in reports whether a clause of an error rejects the field.
func (n fieldName) in(clause string) bool {
	return n.names.MatchString(clause) || n.words != nil && n.words.MatchString(clause) && complaint.MatchString(clause)
}

// sent returns those of the fields that a request has.
func sent(m Model, req *providers.Request) fields {
	var all fields
	if responseFormat(m.Quirks.JSONMode, req) != nil {
		all |= responseFormatField
	}
	if !m.Quirks.OmitStreamOptions {
		all |= streamOptionsField
	}
	if m.Quirks.Temperature != nil {
		all |= temperatureField
	}
	if m.limit(req) > 0 {
		all |= limitField
	}
	return all
}

// refusedFields returns the fields because of which a service has rejected a
// request, by its error; 0 if the error is about something else.
func (d *doer) refusedFields(m Model, req *providers.Request, before fields, err error) fields {
	e, _ := err.(*providers.Error) //nolint:errorlint // it is one that was just made
	if e == nil || d.refused == nil {
		return 0
	}
	if e.Class != providers.ClassBadRequest && e.Status != http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
		return 0
	}
	return d.refused.about() & sent(m, req) &^ before
}

var (
	clauseEnd = regexp.MustCompile(`[.!?;]+(\s+|$)|[。！？；\n]+`)
	// complaint matches the words of a clause that rejects what it names.
	complaint = regexp.MustCompile(`\b(un)?support(ed|s)?\b|\b(in)?valid\b|\bun(known|recognized|expected)\b|\b(not|no|only|unavailable|must|cannot|can't|should|extra|forbidden|deprecated|disallowed|expected|failed|error)\b|` +
		`不支持|无效|非法|错误|不允许|必须|只能|仅支持|未知|不能`)
	// unknownField matches a clause by which a field does not exist, rather than
	// has a wrong value.
	unknownField = regexp.MustCompile(`\bunsupported\b|\bnot (supported|permitted|allowed)\b|\bun(known|recognized)\b|\bextra\b|\buse ['"` + "`" + `]?max_|不支持|未知`)
)

// about returns the fields that an error rejects: the one that it names as its
// parameter, or those that a clause of its text rejects by name. Mentioning a
// field is not enough: an error may quote a prompt about temperatures.
func (f *serviceError) about() fields {
	var refused fields
	param := strings.ToLower(f.Param)
	for _, clause := range clauseEnd.Split(strings.ToLower(f.Message), -1) {
		for _, n := range fieldNames {
			named := n.in(clause)
			if param != "" {
				named = n.names.MatchString(param) || n.words != nil && n.words.MatchString(param)
			}
			if named && n.field == limitField && !unknownField.MatchString(clause) {
				named = false // its value is rejected, not its name
			}
			if named {
				refused |= n.field
			}
		}
	}
	return refused
}

// from returns the model with Quirks that omit the fields.
func (f fields) from(m Model) Model {
	if f == 0 {
		return m
	}
	q := *m.Quirks
	if f&responseFormatField != 0 {
		q.JSONMode = JSONNone // the schema is then in the prompt
	}
	if f&streamOptionsField != 0 {
		q.OmitStreamOptions = true
	}
	if f&temperatureField != 0 {
		q.Temperature = nil
	}
	if f&limitField != 0 {
		other := map[string]string{MaxTokens: MaxCompletionTokens, MaxCompletionTokens: MaxTokens}
		q.MaxTokensField = other[cmp.Or(q.MaxTokensField, MaxTokens)]
	}
	m.Quirks = &q
	return m
}

// How long refusals are remembered, and how many. An updated server gets its
// fields again; a forgotten refusal costs one more call.
const (
	refusalLasts = time.Hour
	maxRefusals  = 1000
)

// refusal identifies a field that a model has rejected, with its value. Other
// values are other refusals: a schema that a server cannot enforce says nothing
// about the schemas of other agents.
type refusal struct {
	model string
	field fields
	value [sha256.Size]byte
}

// refusals remembers the fields that models of a service have rejected. The zero
// value is ready to use.
type refusals struct {
	mu    sync.Mutex // guards until
	until map[refusal]time.Time
}

// of returns the fields of a request that the model is known to reject.
func (r *refusals) of(m Model, req *providers.Request) fields {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) == 0 {
		return 0
	}
	var refused fields
	for f := range sent(m, req).each() {
		if time.Now().Before(r.until[refusalOf(m, f, req)]) {
			refused |= f
		}
	}
	return refused
}

// remember records that a model has rejected fields of a request.
func (r *refusals) remember(m Model, refused fields, req *providers.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(r.until, func(_ refusal, until time.Time) bool { return !now.Before(until) })
	if r.until == nil || len(r.until) >= maxRefusals {
		r.until = map[refusal]time.Time{}
	}
	for f := range refused.each() {
		r.until[refusalOf(m, f, req)] = now.Add(refusalLasts)
	}
}

// refusalOf returns the refusal of a field with its value in a request. For the
// output limit and stream_options only the name counts.
func refusalOf(m Model, field fields, req *providers.Request) refusal {
	key := refusal{model: m.Name, field: field}
	switch field {
	case responseFormatField:
		key.value = sha256.Sum256(append([]byte(m.Quirks.JSONMode), req.Schema...))
		if m.Quirks.JSONMode == JSONObject {
			key.value = [sha256.Size]byte{}
		}
	case temperatureField:
		key.value = sha256.Sum256(strconv.AppendFloat(nil, req.Temperature, 'g', -1, 64))
	}
	return key
}

// each returns the fields of the set, one by one.
func (f fields) each() iter.Seq[fields] {
	return func(yield func(fields) bool) {
		for one := responseFormatField; one <= limitField; one <<= 1 {
			if f&one != 0 && !yield(one) {
				return
			}
		}
	}
}
