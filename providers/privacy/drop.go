package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Drop returns an input without the members that the pointers name: JSON
// Pointers (RFC 6901) in which * stands for any member or index. A pointer that
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
		v = drop(v, steps(p))
	}
	return encode(v)
}

// steps takes a pointer apart.
func steps(pointer string) []string {
	all := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, s := range all {
		all[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return all
}

func drop(v any, path []string) any {
	step, rest := path[0], path[1:]
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if name != step && step != "*" {
				continue
			}
			if len(rest) == 0 {
				delete(v, name)
			} else {
				v[name] = drop(member, rest)
			}
		}
	case []any:
		if len(rest) == 0 && step == "*" {
			return []any{}
		}
		for i := len(v) - 1; i >= 0; i-- {
			if step != "*" && step != strconv.Itoa(i) {
				continue
			}
			if len(rest) == 0 {
				v = slices.Delete(v, i, i+1)
			} else {
				v[i] = drop(v[i], rest)
			}
		}
		return v
	}
	return v
}
