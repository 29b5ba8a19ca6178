package tasks_test

import (
	"errors"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

// What callers are to do is no cause: in its place operators read what failed.
func TestOperatorsReadTheCauseAndCallersTheAdvice(t *testing.T) {
	const public = "The job store is unavailable; try again shortly."
	e := tasks.Errorf(tasks.CodeUnavailable, public)
	if got, want := e.Error(), "unavailable: "+public; got != want {
		t.Errorf("without a cause: got %q, want %q", got, want)
	}
	e = e.WithCause(errors.New("connection refused"))
	if got, want := e.Error(), "unavailable: The job store is unavailable: connection refused"; got != want {
		t.Errorf("with a cause: got %q, want %q", got, want)
	}
	if e.Message != public {
		t.Errorf("callers read %q, want %q", e.Message, public)
	}
}
