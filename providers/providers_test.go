package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryClassHasAPolicy(t *testing.T) {
	yes := true
	want := map[providers.Class]providers.Policy{
		"rate_limited":     {RetrySame: yes, FallBack: yes, Breaker: providers.CoolsDown},
		"overloaded":       {RetrySame: yes, FallBack: yes, Breaker: providers.CountsFailure},
		"quota_dead":       {FallBack: yes, Whole: yes, Breaker: providers.OpensAtOnce},
		"auth_dead":        {FallBack: yes, Whole: yes, Breaker: providers.OpensAtOnce},
		"bad_request":      {FallBack: yes},
		"context_overflow": {FallBack: yes, Larger: yes},
		"content_blocked":  {FallBack: yes, Once: yes},
		"server":           {RetrySame: yes, FallBack: yes, Breaker: providers.CountsFailure},
		"timeout":          {FallBack: yes, Whole: yes, Breaker: providers.CountsFailure},
		"transport":        {RetrySame: yes, FallBack: yes, Whole: yes, Breaker: providers.CountsFailure},
		"bad_output":       {Reask: yes, FallBack: yes, Breaker: providers.CountsBadOutput},
		"canceled":         {},
	}
	if len(providers.Classes()) != len(want) {
		t.Fatalf("%d classes, want %d", len(providers.Classes()), len(want))
	}
	for _, c := range providers.Classes() {
		policy, ok := want[c]
		if !ok {
			t.Errorf("class %q is not in the table", c)
		}
		if got := c.Policy(); got != policy {
			t.Errorf("%s: policy %+v, want %+v", c, got, policy)
		}
	}
	if got := providers.Class("unheard-of").Policy(); got != (providers.Policy{FallBack: true}) {
		t.Errorf("an unknown class: %+v", got)
	}
}

func TestEveryStatusHasAClass(t *testing.T) {
	special := map[int]providers.Class{
		401: "auth_dead", 402: "quota_dead", 403: "auth_dead", 408: "timeout", 413: "context_overflow",
		429: "rate_limited", 503: "overloaded", 504: "timeout", 529: "overloaded",
	}
	for status := 100; status < 600; status++ {
		want := providers.ClassServer
		if status >= 400 && status < 500 {
			want = providers.ClassBadRequest
		}
		if c, ok := special[status]; ok {
			want = c
		}
		if got := providers.ClassOfStatus(status); got != want {
			t.Errorf("%d %s: %q, want %q", status, http.StatusText(status), got, want)
		}
	}
}

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want providers.Class
	}{
		{"nil", nil, ""},
		{"an Error", providers.Errorf(providers.ClassQuotaDead, "no money"), "quota_dead"},
		{"a wrapped Error", fmt.Errorf("call: %w", providers.Errorf(providers.ClassTimeout, "slow")), "timeout"},
		{"a canceled context", fmt.Errorf("call: %w", context.Canceled), "canceled"},
		{"a context past its deadline", context.DeadlineExceeded, "canceled"},
		{"a stranger", io.ErrClosedPipe, "server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := providers.ClassOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestErrorHidesItsCause(t *testing.T) {
	cause := errors.New("Authorization: Bearer sk-123456")
	err := error((&providers.Error{Class: "auth_dead", Status: 401, Message: "wrong key"}).WithCause(cause))
	if got, want := err.Error(), "auth_dead (HTTP 401): wrong key"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestSecretShowsNowhere(t *testing.T) {
	const key = "sk-very-secret"
	s := providers.NewSecret(key)
	holder := struct{ Key providers.Secret }{s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%p"} {
		fmt.Fprintf(&out, verb+verb+verb, s, &s, holder)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "key", s, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", s, "holder", holder)
	if err := json.NewEncoder(&out).Encode(map[string]any{"key": s, "holder": holder}); err != nil {
		t.Fatal(err)
	}
	if shown := out.String(); strings.Contains(shown, "secret") || strings.Contains(shown, fmt.Sprintf("%x", key)) {
		t.Errorf("the key shows in %s", shown)
	}
	if s.Reveal() != key || s.IsZero() || !(providers.Secret{}).IsZero() {
		t.Error("the secret itself is lost")
	}
}

func TestWithSchema(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	user := providers.Message{Role: providers.User, Content: "ask"}
	system := providers.Message{Role: providers.System, Content: "be brief"}

	for _, c := range []struct {
		name     string
		messages []providers.Message
		schema   json.RawMessage
		want     []string
	}{
		{"no schema", []providers.Message{system, user}, nil, []string{"be brief", "ask"}},
		{"into the system message", []providers.Message{system, user}, schema, []string{"be brief…" + string(schema), "ask"}},
		{"into one of its own", []providers.Message{user}, schema, []string{"…" + string(schema), "ask"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := providers.WithSchema(c.messages, c.schema)
			if len(got) != len(c.want) {
				t.Fatalf("%d messages, want %d", len(got), len(c.want))
			}
			for i, want := range c.want {
				head, tail, _ := strings.Cut(want, "…")
				if !strings.HasPrefix(got[i].Content, head) || !strings.HasSuffix(got[i].Content, tail) {
					t.Errorf("message %d is %q, want %q", i, got[i].Content, want)
				}
			}
			if system.Content != "be brief" || len(c.messages) > 1 && c.messages[0].Content != "be brief" {
				t.Error("the argument was changed")
			}
		})
	}
	if m := providers.WithSchema([]providers.Message{user}, schema); !strings.Contains(strings.ToLower(m[0].Content), "json") {
		t.Error(`json_object modes want the word "json" in the prompt`)
	}
}

const never = time.Hour
