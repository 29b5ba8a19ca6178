package tasks

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"
)

// ParseTime reads a date and time as RFC 3339 §5.6 has it, which is more than
// time.Parse takes: t and z may be lower case, and the seconds may be 60, which
// counts as the first instant of the next minute.
func ParseTime(text string) (time.Time, error) {
	upper := strings.ToUpper(text)
	leap := false
	const seconds = len("2006-01-02T15:04:")
	if len(upper) > seconds+2 && upper[seconds:seconds+2] == "60" {
		leap, upper = true, upper[:seconds]+"59"+upper[seconds+2:]
	}
	at, err := time.Parse(time.RFC3339, upper)
	if err != nil {
		return at, fmt.Errorf("%q is no time such as 2026-03-12T08:00:00Z (RFC 3339)", text)
	}
	if leap {
		at = at.Truncate(time.Second).Add(time.Second)
	}
	return at, nil
}

// wireTime is a time as callers may write it.
type wireTime struct{ time.Time }

// UnmarshalJSON reads what ParseTime does.
func (t *wireTime) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("a time is a text: %w", err)
	}
	var err error
	t.Time, err = ParseTime(text)
	return err
}

// UnmarshalJSON reads a submission whose times are written as RFC 3339 allows.
func (s *Submission) UnmarshalJSON(b []byte) error {
	type plain Submission
	wire := struct {
		*plain
		RunAt    wireTime `json:"run_at"`
		Deadline wireTime `json:"deadline"`
	}{plain: (*plain)(s)}
	if err := jsonv1.Unmarshal(b, &wire); err != nil {
		return err
	}
	s.RunAt, s.Deadline = wire.RunAt.Time, wire.Deadline.Time
	return nil
}
