package openai

import (
	"cmp"
	"net/http"
	"strings"
	"sync"

	"github.com/topcentral/spillway/providers"
)

// fields are fields of a request that an answer can do without, as a set.
type fields uint8

// The fields. The one that limits the output has two names; it is never left
// away, but goes by the other.
const (
	responseFormatField fields = 1 << iota
	streamOptionsField
	temperatureField
	limitField
)

// fieldWords are the words by which a service says which field it refuses; lower
// case.
var fieldWords = []struct {
	field fields
	words []string
}{
	{responseFormatField, []string{"response_format", "response format", "json_object", "json_schema", "json mode", "json schema", "structured output", "guided decoding", "guided_json"}},
	{streamOptionsField, []string{"stream_options", "stream options", "include_usage"}},
	{temperatureField, []string{"temperature"}},
	{limitField, []string{MaxCompletionTokens, MaxTokens}},
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

// refusedFields returns the fields because of which a service has refused a
// request, by what it said; 0 when that is about something else.
func (d *doer) refusedFields(m Model, req *providers.Request, before fields, err error) fields {
	e, _ := err.(*providers.Error) //nolint:errorlint // it is one that was just made
	if e == nil || d.refused == nil {
		return 0
	}
	if e.Class != providers.ClassBadRequest && e.Status != http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
		return 0
	}
	text := strings.ToLower(d.refused.Message + " " + d.refused.Param)
	var refused fields
	for _, f := range fieldWords {
		for _, word := range f.words {
			if strings.Contains(text, word) {
				refused |= f.field
				break
			}
		}
	}
	if refused&limitField != 0 && !unsupported(text) {
		refused &^= limitField // the number is refused, and not the name
	}
	return refused & sent(m, req) &^ before
}

// unsupported reports whether a text says that a field is not known.
func unsupported(text string) bool {
	for _, word := range []string{"unsupported", "not supported", "unknown", "unrecognized", "extra", "not permitted", "use '" + MaxCompletionTokens, "use '" + MaxTokens} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// from returns a model that is asked without the fields.
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

// refusedFields remembers what the models of a service have refused. The zero
// value is ready.
type refusedFields struct {
	mu      sync.Mutex // guards byModel
	byModel map[string]fields
}

func (r *refusedFields) of(model string) fields {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byModel[model]
}

func (r *refusedFields) remember(model string, f fields) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byModel == nil {
		r.byModel = map[string]fields{}
	}
	r.byModel[model] |= f
}
