// Package spec is the contract of the HTTP API as Go code. All but this file and
// time.go is generated from api/openapi.yaml by go generate ./api. It is internal so that
// the generated names, and Echo with them, stay out of the API of package api.
package spec

import (
	"encoding/json"

	"github.com/topcentral/spillway/tasks"
)

// AgentDefinition is an agent with the JSON Schemas of what it takes and gives.
// The generator would copy the fields of tasks.Agent here; embedding does not.
type AgentDefinition struct {
	tasks.Agent

	InputSchema  json.RawMessage `json:"input_schema"`
	OutputSchema json.RawMessage `json:"output_schema"`
}
