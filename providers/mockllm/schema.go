package mockllm

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// node is a schema. It ignores unknown keywords.
type node struct {
	Ref        string           `json:"$ref"`
	Type       json.RawMessage  `json:"type"`
	Enum       []any            `json:"enum"`
	Const      json.RawMessage  `json:"const"`
	Properties members          `json:"properties"`
	Required   []string         `json:"required"`
	Items      *node            `json:"items"`
	Prefix     []*node          `json:"prefixItems"`
	MinItems   int              `json:"minItems"`
	MaxItems   *int             `json:"maxItems"`
	Unique     bool             `json:"uniqueItems"`
	Min        *float64         `json:"minimum"`
	Max        *float64         `json:"maximum"`
	Above      *float64         `json:"exclusiveMinimum"`
	Below      *float64         `json:"exclusiveMaximum"`
	Multiple   *float64         `json:"multipleOf"`
	MinLength  int              `json:"minLength"`
	MaxLength  *int             `json:"maxLength"`
	Format     string           `json:"format"`
	AllOf      []*node          `json:"allOf"`
	AnyOf      []*node          `json:"anyOf"`
	OneOf      []*node          `json:"oneOf"`
	Defs       map[string]*node `json:"$defs"`
	OldDefs    map[string]*node `json:"definitions"`

	nothing bool // the schema false
}

// UnmarshalJSON reads an object, or true or false.
func (n *node) UnmarshalJSON(raw []byte) error {
	var b bool
	if json.Unmarshal(raw, &b) == nil {
		n.nothing = !b
		return nil
	}
	type plain node
	return json.Unmarshal(raw, (*plain)(n))
}

// members are schemas by name, in their order.
type members []member

type member struct {
	name string
	node *node
}

// UnmarshalJSON reads an object.
func (ms *members) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		m := member{name: fmt.Sprint(name)}
		if err := dec.Decode(&m.node); err != nil {
			return err
		}
		*ms = append(*ms, m)
	}
	return nil
}

func parseSchema(raw []byte) (*node, error) {
	var n *node
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, err
	}
	if n == nil {
		n = &node{}
	}
	return n, nil
}
