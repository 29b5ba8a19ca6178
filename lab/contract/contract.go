// Package contract reads an OpenAPI 3.1 document the way a suspicious client
// does: as a list of operations, and as the judge of every response. It knows
// nothing of the server it judges, and takes what the document leaves out as
// forbidden: a status, a header or a field without a word in the document is a
// complaint.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// URL names the document among schemas; nothing is fetched from there.
const URL = "file:///openapi.json"

// Contract is an OpenAPI document, read. It is safe for concurrent use.
type Contract struct {
	// Document is the whole document, with closed schemas; not to be changed.
	Document map[string]any
	// Operations are those of its paths, in order of path and method.
	Operations []Operation

	mu       sync.Mutex // guards compiler and compiled
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// Operation is what the document says of one method of one path.
type Operation struct {
	ID, Method, Path string
	Scopes           []string                  // what a caller needs; none: the operation is public
	Parameters       []Parameter               // of path, query and header
	Bodies           map[string]map[string]any // the schema of a request's body by its media type
	BodyAt           string                    // where in the document they are, as a JSON Pointer
}

// Parameter is one parameter of an operation.
type Parameter struct {
	Name, In string
	Required bool
	Explode  bool // a list is sent as one parameter for each of its items
	Schema   map[string]any
	At       string // where in the document the schema is
}

// Read reads a document in YAML. To callers objects are open, for they may gain
// fields; here the schemas of components become closed, all but those named open,
// which are parts of others.
func Read(source []byte, open ...string) (*Contract, error) {
	c := &Contract{compiled: map[string]*jsonschema.Schema{}}
	if err := yaml.Unmarshal(source, &c.Document); err != nil {
		return nil, err
	}
	for name, schema := range Map(c.Document, "components", "schemas") {
		s := asMap(schema)
		if !slices.Contains(open, name) && (s["properties"] != nil || s["allOf"] != nil) {
			s["unevaluatedProperties"] = false
		}
	}
	text, err := json.Marshal(c.Document)
	if err != nil {
		return nil, fmt.Errorf("as JSON: %w", err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c.compiler = jsonschema.NewCompiler()
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(URL, resource); err != nil {
		return nil, err
	}
	c.readOperations()
	return c, nil
}

func (c *Contract) readOperations() {
	paths := Map(c.Document, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := asMap(paths[path])
		shared := c.parameters(item, Pointer("paths", path))
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op := asMap(item[method])
			if op["operationId"] == nil {
				continue // parameters of the path, not a method
			}
			at := Pointer("paths", path, method)
			o := Operation{
				ID: fmt.Sprint(op["operationId"]), Method: strings.ToUpper(method), Path: path, Scopes: scopes(op),
				Parameters: append(slices.Clone(shared), c.parameters(op, at)...),
				BodyAt:     at + Pointer("requestBody", "content"), Bodies: map[string]map[string]any{},
			}
			for media, body := range Map(op, "requestBody", "content") {
				o.Bodies[media] = Map(body, "schema")
			}
			c.Operations = append(c.Operations, o)
		}
	}
}

// scopes lists what each of the alternatives of an operation's security asks for.
func scopes(op map[string]any) []string {
	var names []string
	for _, alternative := range asList(op["security"]) {
		for _, list := range asMap(alternative) {
			for _, name := range asList(list) {
				names = append(names, fmt.Sprint(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *Contract) parameters(of map[string]any, at string) []Parameter {
	var all []Parameter
	for i, v := range asList(of["parameters"]) {
		place, p := c.Follow(at+Pointer("parameters", strconv.Itoa(i)), asMap(v))
		all = append(all, Parameter{
			Name: fmt.Sprint(p["name"]), In: fmt.Sprint(p["in"]), Required: p["required"] == true, Explode: p["explode"] != false,
			Schema: Map(p, "schema"), At: place + "/schema",
		})
	}
	return all
}

// Follow returns what v, which stands at a place, refers to, and where that
// stands; v itself if it refers to nothing.
func (c *Contract) Follow(at string, v map[string]any) (string, map[string]any) {
	ref, ok := v["$ref"].(string)
	if !ok {
		return at, v
	}
	at = strings.TrimPrefix(ref, "#")
	target := c.Document
	for part := range strings.SplitSeq(strings.TrimPrefix(at, "/"), "/") {
		target = asMap(target[unescape.Replace(part)])
	}
	return at, target
}

// Schema returns the schema at a place of the document, compiled.
func (c *Contract) Schema(at string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.compiled[at]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(URL + "#" + at)
	if err == nil {
		c.compiled[at] = s
	}
	return s, err
}

// Validate lists in what a JSON text breaks the schema at a place.
func (c *Contract) Validate(at string, text []byte) []string {
	schema, err := c.Schema(at)
	if err != nil {
		return []string{err.Error()}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []string{fmt.Sprintf("%v: %q", err, text)}
	}
	if err := schema.Validate(value); err != nil {
		return []string{fmt.Sprintf("%v: %s", err, text)}
	}
	return nil
}

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// Pointer makes a JSON Pointer (RFC 6901) of its parts.
func Pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(escape.Replace(p))
	}
	return b.String()
}

// Map returns the object below v under these names, nil if there is none.
func Map(v any, names ...string) map[string]any {
	m := asMap(v)
	for _, name := range names {
		m = asMap(m[name])
	}
	return m
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}
