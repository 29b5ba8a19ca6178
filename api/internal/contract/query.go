package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/topcentral/spillway/tasks"
)

// parameter is a parameter of the query, as the contract describes it.
type parameter struct {
	name     string
	schema   *jsonschema.Schema
	time     bool // a date and time
	literals bool // written as in JSON: a number or a boolean
	list     bool // it may have several values
	commas   bool // of a list: one parameter may hold several values, with commas between them
}

// compileQuery returns the query parameters of an operation and of its path.
func compileQuery(c *jsonschema.Compiler, document map[string]any, path, method string) ([]parameter, error) {
	var all []parameter
	item := asMap(asMap(document["paths"])[path])
	for at, owner := range map[string]map[string]any{pointer("paths", path): item, pointer("paths", path, method): asMap(item[method])} {
		list, _ := owner["parameters"].([]any)
		for i, v := range list {
			p, place := asMap(v), at+pointer("parameters", strconv.Itoa(i))
			if ref, ok := p["$ref"].(string); ok {
				place = strings.TrimPrefix(ref, "#")
				p = asMap(asMap(asMap(document["components"])["parameters"])[strings.TrimPrefix(place, "/components/parameters/")])
			}
			if p["in"] != "query" {
				continue
			}
			schema, err := c.Compile(contractURL + "#" + place + "/schema")
			if err != nil {
				return nil, err
			}
			kind, items := asMap(p["schema"])["type"], asMap(asMap(p["schema"])["items"])
			all = append(all, parameter{
				name: fmt.Sprint(p["name"]), schema: schema, time: asMap(p["schema"])["format"] == "date-time", literals: kind == "integer" || kind == "boolean",
				list: kind == "array", commas: items["$ref"] != nil,
			})
		}
	}
	return all, nil
}

// CheckQuery refuses a request whose query does not consist of the parameters
// that the contract describes. A parameter without a value counts as absent. The
// request that it returns has its times in the form that the generated code reads.
func (op *Operation) CheckQuery(r *http.Request) (*http.Request, error) {
	if len(op.Scopes) == 0 && len(op.query) == 0 {
		return r, nil // probes and links to pages may add anything
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		// To ignore the unreadable part would, say, return a list without its filters.
		return nil, tasks.Errorf(tasks.CodeInvalid, "The query cannot be parsed: percent-encode %% and ; in it.").WithCause(err)
	}
	if err := op.refuseUnknown(query); err != nil {
		return nil, err
	}
	for _, p := range op.query {
		values := query[p.name]
		if len(values) == 0 || len(values) == 1 && values[0] == "" {
			continue
		}
		if err := p.check(values); err != nil {
			return nil, err
		}
		if at, err := tasks.ParseTime(values[0]); p.time && err == nil {
			query.Set(p.name, at.Format(time.RFC3339Nano))
			r = withQuery(r, query)
		}
	}
	return r, nil
}

// Value returns the value of a query parameter, "" if the operation does not have
// that parameter.
func (op *Operation) Value(r *http.Request, name string) string {
	if !slices.ContainsFunc(op.query, func(p parameter) bool { return p.name == name }) {
		return ""
	}
	return r.URL.Query().Get(name)
}

// withQuery returns r with another query.
func withQuery(r *http.Request, query url.Values) *http.Request {
	u := *r.URL
	u.RawQuery = query.Encode()
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r
}

// refuseUnknown refuses unknown parameters: a misspelt filter would return
// everything.
func (op *Operation) refuseUnknown(query url.Values) error {
	var names, unknown []string
	for _, p := range op.query {
		names = append(names, p.name)
	}
	slices.Sort(names)
	for name := range query {
		if name != "" && !slices.Contains(names, name) {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	known := "this path has no parameters"
	if len(names) > 0 {
		known = "the parameters of this path are " + strings.Join(names, ", ")
	}
	return tasks.Errorf(tasks.CodeInvalid, "There is no parameter %.200s; %s.", strings.Join(unknown, ", "), known)
}

// check reports what is wrong with the values of a parameter.
func (p parameter) check(values []string) error {
	if !p.list && len(values) > 1 {
		return tasks.Errorf(tasks.CodeInvalid, "The parameter %s may be given only once.", p.name)
	}
	if p.list && p.commas {
		if values = SplitWords(values); len(values) == 0 {
			return nil
		}
	}
	var value any = values[0]
	switch {
	case p.list:
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		value = list
	case p.literals:
		value = literal(values[0])
	}
	err := p.schema.Validate(value)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	hint := ""
	if strings.Contains(values[0], " ") {
		hint = " In a query + means a space; write it as %2B."
	}
	return tasks.Errorf(tasks.CodeInvalid, "The parameter %s %s.%s", p.name, faultsOf(invalid)[0].Detail, hint)
}

// SplitWords returns the words of a list that a query has in several parameters,
// in one with commas, or both. A parameter without a value has none.
func SplitWords(values []string) []string {
	var words []string
	for _, v := range values {
		if v != "" {
			words = append(words, strings.Split(v, ",")...)
		}
	}
	return words
}

// wholeNumber is the only form of a number in a URL: 10, not 1e1 or 10.0.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// literal returns the number or boolean that text denotes, or else the text.
func literal(text string) any {
	switch {
	case text == "true" || text == "false":
		return text == "true"
	case wholeNumber.MatchString(text):
		return json.Number(text)
	}
	return text
}
