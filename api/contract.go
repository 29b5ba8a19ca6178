package api

import (
	"bytes"
	"context"
	_ "embed" // for openapi.yaml
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/spec"
)

//go:embed openapi.yaml
var openapiYAML []byte

// contract is openapi.yaml, read.
type contract struct {
	json       []byte
	document   map[string]any
	operations []operation // in order of path and method
	submission *jsonschema.Schema
}

// operation is what the generated code does not enforce of an operation.
type operation struct {
	id           string
	method, path string
	need         []access.Scope     // what a caller must be allowed; none: the operation is public
	body         *jsonschema.Schema // of the request; nil if there is none
	query        []parameter
}

// contractURL names the contract among schemas; nothing is fetched from there.
const contractURL = "file:///openapi.json"

// readContract reads an OpenAPI document and compiles the schemas of its
// request bodies.
func readContract(source []byte) (*contract, error) {
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
	c := &contract{json: asJSON, document: document}
	paths, schemes := asMap(document["paths"]), asMap(asMap(document["components"])["securitySchemes"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := asMap(paths[path])
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op := asMap(item[method])
			if op["operationId"] == nil {
				continue // parameters of the path, not a method
			}
			body, err := compileBody(compiler, op, path, method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			need, err := scopesOf(op, schemes)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			query, err := compileQuery(compiler, document, path, method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			c.operations = append(c.operations, operation{
				id: fmt.Sprint(op["operationId"]), method: strings.ToUpper(method), path: path, need: need, body: body, query: query,
			})
		}
	}
	if len(c.operations) == 0 {
		return nil, errors.New("no operations")
	}
	c.submission, err = compiler.Compile(contractURL + "#/components/schemas/Submission")
	return c, err
}

// newCompiler returns a compiler of requests that knows document as contractURL.
func newCompiler(document []byte) (*jsonschema.Compiler, error) {
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	// To callers an item of a batch is a submission. Here it may be anything, for
	// what is wrong with one is told in its outcome and holds up no other.
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
	return c.Compile(contractURL + "#" + pointer("paths", path, method, "requestBody", "content", jsonType, "schema"))
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

// OpenapiYAML shows the contract as it was written.
func (s *server) OpenapiYAML(context.Context, spec.OpenapiYAMLRequestObject) (spec.OpenapiYAMLResponseObject, error) {
	return spec.OpenapiYAML200ApplicationYamlResponse{
		Body:          bytes.NewReader(openapiYAML),
		ContentLength: int64(len(openapiYAML)),
	}, nil
}

// OpenapiJSON shows the contract as JSON.
func (s *server) OpenapiJSON(context.Context, spec.OpenapiJSONRequestObject) (spec.OpenapiJSONResponseObject, error) {
	return spec.OpenapiJSON200JSONResponse(s.contract.document), nil
}
