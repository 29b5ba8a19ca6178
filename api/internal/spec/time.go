package spec

import (
	"encoding/json"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Time is a time in a request body, in any form that RFC 3339 allows.
type Time struct{ time.Time }

// UnmarshalJSON reads what [tasks.ParseTime] does.
func (t *Time) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	var err error
	t.Time, err = tasks.ParseTime(text)
	return err
}
