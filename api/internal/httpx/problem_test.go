package httpx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   tasks.Code
		anchor string
	}{
		{"invalid", tasks.Errorf(tasks.CodeInvalid, "x"), 400, tasks.CodeInvalid, "invalid_request"},
		{"wrapped", fmt.Errorf("submit: %w", tasks.Errorf(tasks.CodeConflict, "x")), 409, tasks.CodeConflict, "conflict"},
		{"a key reused", tasks.Errorf(tasks.CodeKeyReused, "x"), 422, tasks.CodeKeyReused, "idempotency_key_reused"},
		{"no code", errors.New("secret"), 500, tasks.CodeInternal, "internal"},
		{"out of time", fmt.Errorf("redis: %w", context.DeadlineExceeded), 503, tasks.CodeUnavailable, "unavailable"},
		{"canceled", context.Canceled, 503, tasks.CodeUnavailable, "unavailable"},
		{"a code from the future", tasks.Errorf("teapot", "x"), 500, "teapot", "teapot"},
		{"refused by HTTP", tasks.Errorf(tasks.CodeMediaType, "x"), 415, tasks.CodeMediaType, "unsupported_media_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Describe(c.err)
			if p.Status != c.status || p.Code != c.code || p.Type != ProblemDocs+c.anchor {
				t.Errorf("got %+v", p)
			}
			if p.Title == "" || strings.Contains(p.Detail, "secret") {
				t.Errorf("title %q, detail %q", p.Title, p.Detail)
			}
		})
	}
}
