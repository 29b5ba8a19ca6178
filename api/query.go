package api

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
	time     bool // it is a date and time
	literals bool // its values are written as in JSON: numbers and booleans
	list     bool // it has several values
	commas   bool // of a list of words, which have none: one parameter may hold several
}

// compileQuery reads the parameters of a query from those of an operation and of
// its path.
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

// checkQuery returns the gate for queries whose parameters must be those that the
// contract describes, and as it does. One without a value counts as left out.
func checkQuery(parameters []parameter) gate {
	return func(_ http.ResponseWriter, r *http.Request) (*http.Request, error) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			// What cannot be read is left out: a list would be one without its filters.
			return nil, tasks.Errorf(tasks.CodeInvalid, "The query cannot be read: percent-encode %% and ; in it.").WithCause(err)
		}
		if err := known(parameters, query); err != nil {
			return nil, err
		}
		for _, p := range parameters {
			values := query[p.name]
			if len(values) == 0 || len(values) == 1 && values[0] == "" {
				continue
			}
			if err := p.check(values); err != nil {
				return nil, err
			}
			if at, err := tasks.ParseTime(values[0]); p.time && err == nil {
				query.Set(p.name, at.Format(time.RFC3339Nano)) // the generated code takes fewer forms
				r = withQuery(r, query)
			}
		}
		return r, nil
	}
}

// withQuery returns r with another query.
func withQuery(r *http.Request, query url.Values) *http.Request {
	u := *r.URL
	u.RawQuery = query.Encode()
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r
}

// known refuses a query with parameters that there are not: whoever misspells a
// filter would get everything.
func known(parameters []parameter, query url.Values) error {
	var names, unknown []string
	for _, p := range parameters {
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
	there := "this path knows none"
	if len(names) > 0 {
		there = "known are " + strings.Join(names, ", ")
	}
	return tasks.Errorf(tasks.CodeInvalid, "There is no parameter %.200s here; %s.", strings.Join(unknown, ", "), there)
}

// check tells what is wrong with a parameter's values.
func (p parameter) check(values []string) error {
	if !p.list && len(values) > 1 {
		return tasks.Errorf(tasks.CodeInvalid, "The parameter %s may be given once only.", p.name)
	}
	if p.list && p.commas {
		if values = splitWords(values); len(values) == 0 {
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
		hint = " A + in a query stands for a space; write it as %2B."
	}
	return tasks.Errorf(tasks.CodeInvalid, "The parameter %s is not as it must be: %s.%s", p.name, faultsOf(invalid)[0].Detail, hint)
}

// splitWords returns the words of a list that a query has in several parameters,
// in one with commas, or in both ways. A parameter without a value has none.
func splitWords(values []string) []string {
	var words []string
	for _, v := range values {
		if v != "" {
			words = append(words, strings.Split(v, ",")...)
		}
	}
	return words
}

// wholeNumber is the one way in which a URL has a number: 10, not 1e1 or 10.0.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// literal is the number or boolean that a text stands for, else the text.
func literal(text string) any {
	switch {
	case text == "true" || text == "false":
		return text == "true"
	case wholeNumber.MatchString(text):
		return json.Number(text)
	}
	return text
}
