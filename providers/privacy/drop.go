package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Drop returns an input without the members that the pointers name: JSON
// Pointers (RFC 6901) in which * matches any member or index. A pointer that
// names nothing drops nothing.
func Drop(input json.RawMessage, pointers []string) (json.RawMessage, error) {
	if len(pointers) == 0 {
		return input, nil
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("drop what is never sent: %w", err)
	}
	for _, p := range pointers {
		mark(v, steps(p))
	}
	return encode(sweep(v))
}

// dropped marks what is dropped until all pointers are followed: an index
// counts in the array as it came.
type dropped struct{}

// steps takes a pointer apart.
func steps(pointer string) []string {
	all := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, s := range all {
		all[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return all
}

// mark puts a dropped in the place of what a path leads to.
func mark(v any, path []string) {
	step, rest := path[0], path[1:]
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			switch {
			case name != step && step != "*":
			case len(rest) == 0:
				v[name] = dropped{}
			default:
				mark(member, rest)
			}
		}
	case []any:
		for i, element := range v {
			switch {
			case strconv.Itoa(i) != step && step != "*":
			case len(rest) == 0:
				v[i] = dropped{}
			default:
				mark(element, rest)
			}
		}
	}
}

// sweep takes out what is marked.
func sweep(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == (dropped{}) {
				delete(v, name)
			} else {
				v[name] = sweep(member)
			}
		}
	case []any:
		left := v[:0]
		for _, element := range v {
			if element != (dropped{}) {
				left = append(left, sweep(element))
			}
		}
		return left
	}
	return v
}
