package fuzzapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/contract"
)

const linesType = "application/x-ndjson"

// accepted are the statuses of a request without a fault: what it names may be
// gone, or in a state that does not allow it.
var accepted = []int{200, 201, 202, 204, 303, 304, 404, 409}

// valid makes a request that fits the contract.
func (r *round) valid(op contract.Operation) *draft {
	d := &draft{op: op, method: op.Method, path: op.Path, want: accepted}
	for _, p := range op.Parameters {
		if p.In == "path" {
			value := r.pathValue(op, p)
			d.foreign = d.foreign || r.owned[value]
			d.path = strings.Replace(d.path, "{"+p.Name+"}", url.PathEscape(value), 1)
			continue
		}
		if p.Name == "Idempotency-Key" && r.chance(0.3) {
			d.add(p.Name, fmt.Sprintf("%q", fmt.Sprintf("k-%s-%d", r.canary, r.sent)))
		} else if p.Name != "Idempotency-Key" && r.chance(0.3) {
			r.parameter(d, p, r.paramValue(p))
		}
	}
	if len(op.Bodies) > 0 {
		d.media = pick(r.Rand, slices.Sorted(maps.Keys(op.Bodies)))
		d.value = r.body(op)
	}
	d.write()
	return d
}

// body makes the value of a body of an operation.
func (r *round) body(op contract.Operation) any {
	schema := op.Bodies["application/json"]
	v := r.value(schema, 0)
	o := contract.Map(v)
	switch op.ID {
	case "submitJob", "planJob":
		if r.chance(0.1) && json.Unmarshal([]byte(r.Clear), &v) == nil {
			return v
		}
		r.fitInput(o)
	case "submitBatch":
		items := []any{}
		for range 1 + r.IntN(3) {
			item := contract.Map(r.value(map[string]any{"$ref": "#/components/schemas/Submission"}, 0))
			r.fitInput(item)
			if r.chance(0.3) {
				item["idempotency_key"] = fmt.Sprintf("b-%s-%d", r.canary, r.IntN(10_000_000))
			}
			items = append(items, item)
		}
		o["jobs"] = items
	case "rerunJobs":
		delete(o, "cursor") // is followed where one is given
	case "registerEndpoint":
		o["url"] = known["url"](r.maker)
	case "recoverEndpoint":
		o["until"] = r.now.Format(time.RFC3339)
	}
	return v
}

// fitInput gives a submission an agent and an input that its schema describes,
// and times in their order.
func (r *round) fitInput(submission map[string]any) {
	id := pick(r.Rand, slices.Sorted(maps.Keys(r.agents)))
	inner := *r.maker
	inner.root, inner.known, inner.solid = r.agents[id], nil, true
	submission["agent"], submission["input"] = id, inner.value(r.agents[id], 0)
	if submission["run_at"] != nil && submission["deadline"] != nil {
		submission["deadline"] = r.now.Add(100 * time.Hour).Format(time.RFC3339)
	}
	if submission["callback_url"] == nil {
		delete(submission, "callback_events")
	}
}

// known makes what must mean something beyond its schema.
var known = map[string]func(*maker) any{
	"run_at":       func(m *maker) any { return m.now.Add(time.Duration(m.IntN(72)) * time.Hour).Format(time.RFC3339) },
	"deadline":     func(m *maker) any { return m.now.Add(time.Duration(1+m.IntN(72)) * time.Hour).Format(time.RFC3339Nano) },
	"since":        func(m *maker) any { return m.now.Add(-time.Duration(1+m.IntN(72)) * time.Hour).Format(time.RFC3339) },
	"callback_url": func(m *maker) any { return "https://hooks.example.com/" + strconv.Itoa(m.IntN(9)) },
	"url":          func(m *maker) any { return "https://hooks.example.com/e" + strconv.Itoa(m.IntN(9)) },
}

// pathValue makes the value of a parameter of the path: mostly one that there is.
func (r *round) pathValue(op contract.Operation, p contract.Parameter) string {
	var pool []string
	switch {
	case p.Name == "endpoint":
		pool = r.endpoints
	case p.Name == "delivery":
		pool = r.callers.Tries
	case p.Name == "file":
		pool = []string{"start.js", "swagger-ui.css"}
	case strings.HasPrefix(op.Path, "/agents"):
		pool = slices.Sorted(maps.Keys(r.agents))
	case strings.HasPrefix(op.Path, "/jobs"):
		pool = r.jobs
	}
	if len(pool) > 0 && r.chance(0.85) {
		return pool[len(pool)-1-min(r.IntN(8), len(pool)-1)] // those lately made
	}
	if strings.HasPrefix(op.Path, "/jobs") {
		return fmt.Sprintf("job_%016x%016x", r.Uint64(), r.Uint64())
	}
	if s := r.text(p.Schema); s != "" && s != "." && s != ".." {
		return s
	}
	return "x"
}

// paramValue makes the value of a parameter of the query or a header.
func (r *round) paramValue(p contract.Parameter) any {
	switch p.Name {
	case "metadata":
		return []any{"k:v", "opportunity_id:" + strconv.Itoa(r.IntN(5))}
	case "cursor":
		return nil // is followed where one is given
	case "tenant":
		return nil // another's takes more than the operation names
	case "job":
		return r.pathValue(contract.Operation{Path: "/jobs"}, p)
	case "Prefer":
		return pick(r.Rand, []string{"wait=1", "respond-async", "wait=60, respond-async", "foo", `foo="a, b";x, wait="2"`, ""})
	case "If-None-Match":
		return pick(r.Rand, []string{`"1"`, `W/"1"`, "*", `"x", W/"y"`, "1"})
	case "dry_run":
		return r.chance(0.7)
	case "state":
		return r.value(map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"$ref": "#/components/schemas/State"}}, 0)
	}
	v := r.value(p.Schema, 0)
	if number, ok := v.(interface{ Int64() (int64, error) }); ok {
		n, _ := number.Int64()
		return max(n, 1) // in a URL there is one way to write it
	}
	return v
}

// parameter puts a value into the request, as the contract says it is written.
func (r *round) parameter(d *draft, p contract.Parameter, v any) {
	if v == nil {
		return
	}
	if p.In == "header" {
		d.add(p.Name, header(fmt.Sprint(v)))
		return
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if p.Explode {
		for _, item := range list {
			d.query = append(d.query, pair{p.Name, escaped(fmt.Sprint(item))})
		}
		return
	}
	var parts []string
	for _, item := range list {
		parts = append(parts, escaped(fmt.Sprint(item)))
	}
	d.query = append(d.query, pair{p.Name, strings.Join(parts, ",")})
}

// header makes of s what a header field can hold.
func header(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, s))
}
