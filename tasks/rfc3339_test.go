package tasks

import (
	"encoding/json"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-12T08:00:00Z":      "2026-03-12T08:00:00Z",
		"2026-03-12t08:00:00.25z":   "2026-03-12T08:00:00.25Z",
		"2026-03-12T08:00:00+08:00": "2026-03-12T00:00:00Z",
		"2016-12-31T23:59:60Z":      "2017-01-01T00:00:00Z",
		"2016-12-31t23:59:60.5z":    "2017-01-01T00:00:00Z",
		"2017-01-01T07:59:60+08:00": "2017-01-01T00:00:00Z",
		"2026-03-12":                "",
		"2026-03-12 08:00:00Z":      "",
		"2026-03-12T08:61:00Z":      "",
		"2026-03-12T08:00:61Z":      "",
		"2026-03-12T08:00:00":       "",
	} {
		at, err := ParseTime(text)
		if got := at.UTC().Format(time.RFC3339Nano); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%s: got %s, %v, want %q", text, got, err, want)
		}
	}
}

func TestSubmissionsHaveTimesAsTheStandardDoes(t *testing.T) {
	var s Submission
	err := json.Unmarshal([]byte(`{"agent":"A02","input":{"x":1},"run_at":"2026-03-12t08:00:00z","retention":60,"metadata":{"a":"b"}}`), &s)
	if err != nil || s.Agent != "A02" || !s.RunAt.Equal(time.Date(2026, 3, 12, 8, 0, 0, 0, time.UTC)) || !s.Deadline.IsZero() || s.Retention.Std() != time.Minute || s.Metadata["a"] != "b" {
		t.Errorf("got %+v, %v", s, err)
	}
	if err := json.Unmarshal([]byte(`{"agent":"A02","run_at":"soon"}`), &s); err == nil {
		t.Error("soon is a time")
	}
}
