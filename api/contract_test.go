package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

func TestEveryRouteIsInTheContractAndBack(t *testing.T) {
	s, err := newServer(t.Context(), Config{}, newMemory().deps())
	if err != nil {
		t.Fatal(err)
	}
	var routes, operations []string
	braces := regexp.MustCompile(`:(\w+)`)
	router, err := s.router()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range router.Routes() {
		if r.Method != http.MethodHead { // comes with GET
			routes = append(routes, r.Method+" "+braces.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	for path, item := range asMap(s.contract.Document["paths"]) {
		for method := range asMap(item) {
			if method != "parameters" {
				operations = append(operations, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(operations)
	if !slices.Equal(routes, operations) {
		t.Errorf("routes\n%q\noperations\n%q", routes, operations)
	}
}

func TestContractCompiles(t *testing.T) {
	c := newChecker(t)
	for name := range asMap(asMap(c.Document["components"])["schemas"]) {
		if _, err := c.Schema("/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
	if got := c.Document["openapi"]; got != "3.1.0" {
		t.Errorf("openapi: got %v", got)
	}
}

func TestContractReferencesLead(t *testing.T) {
	c := newChecker(t)
	walk(c.Document, "", func(at string, v map[string]any) {
		ref, ok := v["$ref"].(string)
		if !ok {
			return
		}
		var target any = c.Document
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			target = asMap(target)[part]
		}
		if target == nil {
			t.Errorf("%s: %s leads nowhere", at, ref)
		}
	})
}

func TestContractExplainsItself(t *testing.T) {
	c := newChecker(t)
	ids := make(map[string]bool)
	for _, section := range []string{"paths", "webhooks"} {
		for path, item := range asMap(c.Document[section]) {
			for method, op := range asMap(item) {
				if method == "parameters" {
					continue
				}
				id := fmt.Sprint(asMap(op)["operationId"])
				if ids[id] {
					t.Errorf("%s %s: operationId %s is there twice", method, path, id)
				}
				ids[id] = true
				for _, field := range []string{"summary", "description", "tags", "responses"} {
					if asMap(op)[field] == nil {
						t.Errorf("%s %s has no %s", method, path, field)
					}
				}
			}
		}
	}
	for name, schema := range asMap(asMap(c.Document["components"])["schemas"]) {
		if asMap(schema)["description"] == nil {
			t.Errorf("schema %s has no description", name)
		}
	}
}

func TestContractExamplesFitTheirSchemas(t *testing.T) {
	c := newChecker(t)
	checked := 0
	walk(c.Document, "", func(at string, v map[string]any) {
		if v["schema"] == nil {
			return
		}
		examples := maps.Clone(asMap(v["examples"]))
		if examples == nil {
			examples = make(map[string]any)
		}
		if v["example"] != nil {
			examples["example"] = map[string]any{"value": v["example"]}
		}
		for name, example := range examples {
			if ref, ok := asMap(example)["$ref"].(string); ok {
				example = asMap(asMap(c.Document["components"])["examples"])[strings.TrimPrefix(ref, "#/components/examples/")]
			}
			text, err := json.Marshal(asMap(example)["value"])
			if err != nil {
				t.Fatal(err)
			}
			checked++
			for _, complaint := range c.Validate(at+"/schema", text) {
				t.Errorf("%s %s: %s", at, name, complaint)
			}
		}
	})
	if checked < 10 {
		t.Errorf("only %d examples found", checked)
	}
}

func TestEveryWordOfTasksIsInTheContract(t *testing.T) {
	c := newChecker(t)
	enum := func(name string) []string {
		var words []string
		values, _ := asMap(asMap(asMap(c.Document["components"])["schemas"])[name])["enum"].([]any)
		for _, v := range values {
			words = append(words, fmt.Sprint(v))
		}
		slices.Sort(words)
		return words
	}
	for name, want := range map[string][]string{
		"Code":       texts(httpx.Codes()),
		"State":      texts(tasks.States()),
		"Lane":       texts(tasks.Lanes()),
		"Complexity": texts(tasks.Complexities()),
		"EventType":  constants(t, "../tasks/event.go", "EventType"),
	} {
		slices.Sort(want)
		if got := enum(name); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestSchemasAreTheStructs(t *testing.T) {
	c := newChecker(t)
	for name, of := range map[string]reflect.Type{
		"Job":            reflect.TypeFor[tasks.Job](),
		"Preview":        reflect.TypeFor[tasks.Preview](),
		"Plan":           reflect.TypeFor[tasks.Plan](),
		"LanePlan":       reflect.TypeFor[tasks.LanePlan](),
		"Variant":        reflect.TypeFor[tasks.Variant](),
		"Waiting":        reflect.TypeFor[tasks.Waiting](),
		"Endpoint":       reflect.TypeFor[tasks.Endpoint](),
		"Delivery":       reflect.TypeFor[tasks.Delivery](),
		"EndpointChange": reflect.TypeFor[tasks.EndpointDraft](),
		"Submission":     reflect.TypeFor[tasks.Submission](),
		"Attempt":        reflect.TypeFor[tasks.Attempt](),
		"Tokens":         reflect.TypeFor[tasks.Tokens](),
		"Event":          reflect.TypeFor[tasks.Event](),
		"Agent":          reflect.TypeFor[tasks.Agent](),
		"Models":         reflect.TypeFor[tasks.Models](),
		"Error":          reflect.TypeFor[tasks.Error](),
		"Fault":          reflect.TypeFor[tasks.Fault](),
		"Problem":        reflect.TypeFor[httpx.Problem](),
		"Health":         reflect.TypeFor[Health](),
		"QueueHealth":    reflect.TypeFor[QueueHealth](),
		"ProviderHealth": reflect.TypeFor[ProviderHealth](),
		"LaneHealth":     reflect.TypeFor[LaneHealth](),
	} {
		schema := asMap(asMap(asMap(c.Document["components"])["schemas"])[name])
		var required []string
		names, _ := schema["required"].([]any)
		for _, v := range names {
			required = append(required, fmt.Sprint(v))
		}
		slices.Sort(required)
		all, always := jsonFields(of)
		if got := slices.Sorted(maps.Keys(asMap(schema["properties"]))); !slices.Equal(got, all) {
			t.Errorf("%s: the contract has %q, the struct %q", name, got, all)
		}
		if name == "Health" { // others than operators are told the status alone
			always = []string{"status"}
		}
		if !slices.Equal(required, always) {
			t.Errorf("%s: the contract requires %q, the struct always has %q", name, required, always)
		}
	}
}

// jsonFields lists the JSON names of a struct's fields, and those of the fields
// that are never left out.
func jsonFields(of reflect.Type) (all, always []string) {
	for f := range of.Fields() {
		name, options, ok := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		all = append(all, name)
		if !ok || !strings.HasPrefix(options, "omit") {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

func TestContractIsServedAsItIs(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	w := do(t, h, "GET", "/openapi.yaml", "")
	if w.Body.String() != string(openapiYAML) {
		t.Error("openapi.yaml is served changed")
	}
	served := decode[map[string]any](t, do(t, h, "GET", "/openapi.json", ""))
	paths := func(document map[string]any) []string { return slices.Sorted(maps.Keys(asMap(document["paths"]))) }
	if got, want := paths(served), paths(newChecker(t).Document); !slices.Equal(got, want) {
		t.Errorf("paths: got %q, want %q", got, want)
	}
}

// walk calls visit for every object in v with its place as a JSON Pointer.
func walk(v any, at string, visit func(at string, v map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(at, v)
		for name, child := range v {
			walk(child, at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), visit)
		}
	case []any:
		for i, child := range v {
			walk(child, fmt.Sprintf("%s/%d", at, i), visit)
		}
	}
}

// Clients are generated from the contract, so an item of a batch is described in
// full although the server takes anything for one, and a draft says what a change
// need not.
func TestSchemasThatAreNearlyTheSame(t *testing.T) {
	c := newChecker(t)
	schemas := asMap(asMap(c.Document["components"])["schemas"])
	fieldsOf := func(name string) []string { return slices.Sorted(maps.Keys(asMap(asMap(schemas[name])["properties"]))) }
	if draft, change := fieldsOf("EndpointDraft"), fieldsOf("EndpointChange"); !slices.Equal(draft, change) {
		t.Errorf("a draft of an endpoint has the fields %v, a change %v", draft, change)
	}
	submission, item := asMap(schemas["Submission"]), asMap(schemas["BatchItem"])
	fields := maps.Clone(asMap(item["properties"]))
	delete(fields, "idempotency_key")
	if !reflect.DeepEqual(fields, submission["properties"]) {
		t.Errorf("an item has the fields %v, a submission %v", fields, submission["properties"])
	}
	if !reflect.DeepEqual(item["required"], submission["required"]) {
		t.Errorf("an item requires %v, a submission %v", item["required"], submission["required"])
	}
}

// Each event that webhooks deliver has one schema, so that a receiver can be
// generated.
func TestEveryWebhookHasASchemaOfItsOwn(t *testing.T) {
	c := newChecker(t)
	schemas := asMap(asMap(c.Document["components"])["schemas"])
	var got []string
	for _, union := range []string{"JobEnded", "EndpointNotice"} {
		u := asMap(schemas[union])
		mapping := asMap(asMap(u["discriminator"])["mapping"])
		if variants, _ := u["oneOf"].([]any); len(variants) != len(mapping) {
			t.Errorf("%s: %d variants, and %d in the mapping", union, len(variants), len(mapping))
		}
		for event, ref := range mapping {
			payload := asMap(schemas[strings.TrimPrefix(fmt.Sprint(ref), "#/components/schemas/")])
			if types := asMap(asMap(payload["properties"])["type"])["enum"]; fmt.Sprint(types) != "["+event+"]" {
				t.Errorf("%s leads to %v, whose type is %v", event, ref, types)
			}
			got = append(got, event)
		}
	}
	want := append(texts(tasks.EndpointEvents()), string(tasks.EventWebhookTest))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
