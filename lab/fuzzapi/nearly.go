package fuzzapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/lab/contract"
)

// nearly makes a request that is valid but for one thing.
func (r *round) nearly(op contract.Operation) *draft {
	d := r.valid(op)
	switch {
	case len(op.Bodies) > 0 && r.chance(0.5):
		r.changeValue(d)
	case len(op.Bodies) > 0 && r.chance(0.7):
		r.changeText(d)
	default:
		r.changeParameter(d)
	}
	return d
}

// place is where a value is in a body, and the schema it has to fit.
type place struct {
	set    func(any)
	remove func() // nil: not from an object
	value  any
	schema map[string]any
	name   string
}

// places lists the places below v.
func (r *round) places(v any, schema map[string]any, name string) []place {
	schema = r.deref(schema)
	var all []place
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			sub := contract.Map(schema, "properties", key)
			if sub == nil {
				sub = contract.Map(schema, "additionalProperties")
			}
			at := name + contract.Pointer(key)
			all = append(all, place{func(x any) { v[key] = x }, func() { delete(v, key) }, v[key], r.deref(sub), at})
			all = append(all, r.places(v[key], sub, at)...)
		}
	case []any:
		for i := range v {
			sub, at := contract.Map(schema, "items"), fmt.Sprintf("%s/%d", name, i)
			all = append(all, place{func(x any) { v[i] = x }, nil, v[i], r.deref(sub), at})
			all = append(all, r.places(v[i], sub, at)...)
		}
	}
	return all
}

// changeValue changes one thing in the body. Whether that makes it invalid is
// asked of the schema.
func (r *round) changeValue(d *draft) {
	all := r.places(d.value, d.op.Bodies["application/json"], "")
	if len(all) == 0 || r.chance(0.1) {
		d.note("an unknown field")
		if o := contract.Map(d.value); o != nil {
			o[pick(r.Rand, []string{"colour", "", "Agent", "agent ", "__proto__", "a/b~c", r.text(nil) + "!"})] = r.anything(3)
		}
	} else {
		r.changeAt(d, pick(r.Rand, all))
	}
	d.write()
	d.want = nil
	if d.media != linesType && len(r.contract.Validate(d.op.BodyAt+contract.Pointer("application/json", "schema"), d.body)) > 0 {
		d.want = []int{400}
		if d.op.ID == "submitBatch" {
			d.want = []int{200, 400} // an item has an outcome of its own
		}
	}
}

// changeAt breaks the value at one place.
func (r *round) changeAt(d *draft, p place) {
	switch n := r.IntN(10); {
	case n < 2 && p.remove != nil:
		d.note("%s is missing", p.name)
		p.remove()
	case n < 3:
		d.note("%s is null", p.name)
		p.set(nil)
	case n < 6:
		wrong := []any{true, json.Number("17"), "text", []any{}, map[string]any{}, json.Number("-0.5"), json.Number("1e300"), []any{nil}, ""}
		d.note("%s is of another type", p.name)
		p.set(pick(r.Rand, wrong))
	default:
		d.note("%s is beyond its bounds", p.name)
		p.set(r.beyond(p))
	}
}

// beyond makes a value of the right type that its schema does not allow.
func (r *round) beyond(p place) any {
	switch v := p.value.(type) {
	case string:
		return pick(r.Rand, []string{
			"", " ", v + "x", strings.Repeat("长", int(min(bound(p.schema, "maxLength", 3000), 3000))+1), strings.ToUpper(v),
			"no-such-thing", "2026-13-41T99:99:99Z", "javascript:alert(1)", "http://", "https://[::1", "\x00", v + "\n",
		})
	case json.Number:
		return json.Number(pick(r.Rand, []string{
			"-1", "0", "0.5", strconv.FormatInt(int64(bound(p.schema, "maximum", 1e15))+1, 10), strconv.FormatInt(int64(bound(p.schema, "minimum", 0))-1, 10),
			"9007199254740993", "9223372036854775808", "1e308", "-1e-300", "1.0000000000000000000000000000001",
		}))
	case []any:
		long := slices.Clone(v)
		for range int(min(bound(p.schema, "maxItems", 40), 1100)) + 1 {
			long = append(long, r.value(contract.Map(p.schema, "items"), 4))
		}
		return long
	case map[string]any:
		wide := maps.Clone(v)
		for i := range 60 {
			wide[fmt.Sprintf("more%d", i)] = "x"
		}
		return wide
	}
	return r.anything(0)
}

// changeText changes the text of the body, or what is said about it.
func (r *round) changeText(d *draft) {
	d.write()
	b := d.body
	d.want = []int{400}
	if d.media == linesType || d.op.ID == "submitBatch" {
		d.want = []int{200, 400} // lines have outcomes of their own
	}
	switch r.IntN(8) {
	case 0:
		d.media = pick(r.Rand, []string{"", "text/plain", "application/xml", "application/json; charset=utf-16", "application/x-www-form-urlencoded",
			"multipart/form-data", "application/json,text/plain", "json", "application/problem+json", "*/*", "application/json; charset"})
		d.note("Content-Type %q", d.media)
		d.want = []int{415}
	case 1:
		d.add("Content-Encoding", pick(r.Rand, []string{"gzip", "br", "deflate, gzip", "x"}))
		d.note("encoded")
		d.want = []int{415}
		if d.media == linesType {
			d.want = []int{200, 400, 415}
		}
	case 2:
		d.body = slices.Concat(b, bytes.Repeat([]byte(" "), 20*r.maxBody))
		d.note("too long")
		d.want = []int{413}
	default:
		c := pick(r.Rand, r.changes(b))
		d.note("%s", c.name)
		d.body = c.body
		if len(d.body) > r.maxBody {
			d.want = append(d.want, 413)
		}
	}
}

// change is another text for a body.
type change struct {
	name string
	body []byte
}

// changes lists texts that are nearly b, and none of them JSON that fits.
func (r *round) changes(b []byte) []change {
	cut := 1 + r.IntN(len(b))
	first := bytes.IndexByte(b, '{') + 1
	insert := func(s string) []byte { return slices.Concat(b[:first], []byte(s), b[first:]) }
	return []change{
		{"empty", []byte{}},
		{"spaces", []byte(" \n\t ")},
		{"byte order mark", slices.Concat([]byte("\ufeff"), b)},
		{"NUL before", slices.Concat([]byte{0}, b)},
		{"NUL behind", append(slices.Clone(b), 0)},
		{"NUL within a text", insert("\"a\x00b\":1,")},
		{"invalid UTF-8", insert("\"\xff\xfe\":1,")},
		{"overlong UTF-8", insert("\"\xc0\xaf\":1,")},
		{"surrogate in UTF-8", insert("\"\xed\xa0\x80\":1,")},
		{"cut off", b[:cut-1]},
		{"twice", slices.Concat(b, b)},
		{"trailing comma", insert(",")},
		{"comment", insert("/* */")},
		{"single quotes", []byte("{'agent':'A02'}")},
		{"NaN", insert(`"n":NaN,`)},
		{"leading zero", insert(`"n":01,`)},
		{"hex", insert(`"n":0x10,`)},
		{"huge exponent", insert(`"n":1e999999999,`)},
		{"vanishing number", insert(`"n":1e-999999999,`)},
		{"long number", insert(`"n":` + strings.Repeat("9", 5000) + `,`)},
		{"duplicate", insert(`"jobs":[],"agent":"A02","url":"x","agent":"A02","url":"y","jobs":[],`)},
		{"deep array", []byte(strings.Repeat("[", 6000) + strings.Repeat("]", 6000))},
		{"deep object", insert(`"input":` + strings.Repeat(`{"a":`, 900) + "1" + strings.Repeat("}", 900) + ",")},
		{"unclosed", []byte(strings.Repeat("[", 9000))},
		{"UTF-16", []byte("\xff\xfe{\x00}\x00")},
		{"a number", []byte("1")},
		{"a text", []byte(`"agent"`)},
		{"null", []byte("null")},
		{"a list", slices.Concat([]byte("["), b, []byte("]"))},
	}
}

// changeParameter gives a parameter a value that it must not have, or may not.
func (r *round) changeParameter(d *draft) {
	var candidates []contract.Parameter
	for _, p := range d.op.Parameters {
		if p.In != "path" {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return
	}
	p := pick(r.Rand, candidates)
	d.query = slices.DeleteFunc(d.query, func(q pair) bool { return q.name == p.Name })
	d.header = slices.DeleteFunc(d.header, func(h pair) bool { return h.name == p.Name })
	value := pick(r.Rand, []string{
		"", "0", "-1", "101", "1.5", "1e3", "99999999999999999999", "true,false", "TRUE", "x", "failed,", ",", "no-such", "a:b:c", ":", "2026-01-01",
		"2026-13-01T00:00:00Z", strings.Repeat("a", 5000), "job_" + strings.Repeat("g", 32), `"`, `"a`, `a"b`, `\`, "é", "wait=", "wait=-1", "wait=1e9",
		"wait=99999999999999999999", `wait="`, ";", "=", ",,,", "*", "W/", "dlv_1_1", "dlv_99999999999999999_99999999999999999", "dlv_1-1_0", "Zm9v", "null", "[]",
	})
	d.note("%s %s is %.40q", p.In, p.Name, value)
	d.want = nil
	if p.In == "header" {
		d.add(p.Name, value)
		return
	}
	d.query = append(d.query, pair{p.Name, escaped(value)})
	if value != "" && r.forbids(p, value) {
		d.want = []int{400}
	}
}

// forbids reports whether the schema of a parameter of the query does not allow
// a value.
func (r *round) forbids(p contract.Parameter, value string) bool {
	body := text(value)
	switch r.deref(p.Schema)["type"] {
	case "integer", "boolean":
		if !json.Valid([]byte(value)) || strings.ContainsAny(value, ".eE") {
			return true
		}
		body = []byte(value)
	case "array":
		if !p.Explode {
			body = text(strings.Split(value, ","))
		} else {
			body = text([]string{value})
		}
	}
	return len(r.contract.Validate(p.At, body)) > 0
}
