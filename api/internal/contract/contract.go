package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/api/access"
)

// Contract is an OpenAPI document with its schemas compiled.
type Contract struct {
	Document   map[string]any
	Operations []Operation // in order of path and method

	paths      []path
	submission *jsonschema.Schema
}

// Operation is what the generated code does not enforce of an operation.
type Operation struct {
	ID           string
	Method, Path string
	Scopes       []access.Scope // what a caller needs; none: the operation is public

	body  *jsonschema.Schema // of the request; nil if there is none
	query []parameter
}

// HasBody reports whether requests for the operation have a body.
func (op *Operation) HasBody() bool { return op.body != nil }

// contractURL names the contract among schemas; nothing is fetched from there.
const contractURL = "file:///openapi.json"

// Read reads an OpenAPI document and compiles the schemas of its requests.
func Read(source []byte) (*Contract, error) {
	var document map[string]any
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("as JSON: %w", err)
	}
	compiler, err := newCompiler(asJSON)
	if err != nil {
		return nil, err
	}
	c := &Contract{Document: document}
	paths, schemes := asMap(document["paths"]), asMap(asMap(document["components"])["securitySchemes"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := asMap(paths[path])
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op := asMap(item[method])
			if op["operationId"] == nil {
				continue // parameters of the path, not a method
			}
			body, bodyErr := compileBody(compiler, op, path, method)
			scopes, scopesErr := scopesOf(op, schemes)
			query, queryErr := compileQuery(compiler, document, path, method)
			if err := errors.Join(bodyErr, scopesErr, queryErr); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			c.Operations = append(c.Operations, Operation{
				ID: fmt.Sprint(op["operationId"]), Method: strings.ToUpper(method), Path: path, Scopes: scopes, body: body, query: query,
			})
		}
	}
	if len(c.Operations) == 0 {
		return nil, errors.New("no operations")
	}
	c.paths = pathsOf(c.Operations)
	c.submission, err = compiler.Compile(contractURL + "#/components/schemas/Submission")
	return c, err
}

// newCompiler returns a compiler of requests that knows document as contractURL.
func newCompiler(document []byte) (*jsonschema.Compiler, error) {
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	// To callers an item of a batch is a submission. Here it may be anything, since an
	// error in one is part of its outcome and does not affect the others.
	if schemas := asMap(asMap(asMap(resource)["components"])["schemas"]); schemas["BatchItem"] != nil {
		schemas["BatchItem"] = true
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	return c, c.AddResource(contractURL, resource)
}

// compileBody compiles the schema of an operation's JSON body, if it has one.
func compileBody(c *jsonschema.Compiler, op map[string]any, path, method string) (*jsonschema.Schema, error) {
	if op["requestBody"] == nil {
		return nil, nil //nolint:nilnil // no body is no error
	}
	return c.Compile(contractURL + "#" + pointer("paths", path, method, "requestBody", "content", MediaJSON, "schema"))
}

// pointer makes a JSON Pointer (RFC 6901) of its parts.
func pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(escape.Replace(p))
	}
	return b.String()
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
