package providertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Bench is a provider together with a server that answers it whole conversations, with
// the errors of the real service, and behaves as Behave sets.
type Bench struct {
	Provider providers.Provider
	// Thinks is the provider with thinking switched on; nil if its models cannot.
	Thinks providers.Provider
	// Request returns what is asked. It has a schema.
	Request func() *providers.Request
	// Valid checks an answer against the schema.
	Valid func(text string) error
	// Behave makes the server act as a Situation says in every call from now
	// on, and name RetryAfter where it refuses a call for now. It reports
	// false if the service never does so.
	Behave func(Situation) bool
	// Arrived waits until a call has come so far that leaving it must be noticed;
	// Left waits until the server has noticed it.
	Arrived, Left func(context.Context) error
}

// Situation is what a server does.
type Situation string

// The situations that are no failures. Others are called after the class of the
// failure they lead to.
const (
	Answering Situation = "answer"
	Hanging   Situation = "hang"
	Stalling  Situation = "stall"
)

// RetryAfter is how long a caller is asked to stay away.
const RetryAfter = 7 * time.Second

// Finding is what an examination has found about one feature.
type Finding struct {
	Feature string
	Has     bool
	Note    string
}

// failures are the situations in which a call fails, and the classes they lead
// to, by feature.
var failures = []struct {
	feature    string
	situations []Situation
	class      providers.Class
}{
	{"rate_limited", []Situation{"rate_limited"}, providers.ClassRateLimited},
	{"overloaded", []Situation{"overloaded"}, providers.ClassOverloaded},
	{"quota_dead", []Situation{"quota_dead"}, providers.ClassQuotaDead},
	{"auth_dead", []Situation{"auth_dead"}, providers.ClassAuthDead},
	{"bad_request", []Situation{"bad_request"}, providers.ClassBadRequest},
	{"context_overflow", []Situation{"context_overflow"}, providers.ClassContextOverflow},
	{"content_blocked", []Situation{"content_blocked"}, providers.ClassContentBlocked},
	{"server", []Situation{"server", "error_in_200", "garbage"}, providers.ClassServer},
	{"timeout", []Situation{"timeout"}, providers.ClassTimeout},
	{"transport", []Situation{"refuse", "drop", "early_end"}, providers.ClassTransport},
	{"bad_output", []Situation{"blank"}, providers.ClassBadOutput},
}

// Examine tests that a provider does in every situation what its contract says,
// and returns what it has found, feature by feature, for a table. What the
// service never does is not tested, and not had.
func Examine(t *testing.T, b Bench) []Finding {
	t.Helper()
	var found []Finding
	add := func(feature string, has bool, note string) { found = append(found, Finding{feature, has, note}) }
	b.answers(t, add)
	b.reasons(t, add)
	b.fails(t, add)
	add("truncated", b.truncates(t), "")
	add("canceled", b.isCanceled(t), "")
	add("time limits", b.isLate(t), "")
	return found
}

// asked is what came of a call.
type asked struct {
	text, reasoning string
	pieces          int
	resp            *providers.Response
	err             error
}

func (b *Bench) ask(ctx context.Context, p providers.Provider) asked {
	var a asked
	a.resp, a.err = p.Generate(ctx, b.Request(), func(d providers.Delta) {
		a.pieces++
		a.text += d.Text
		a.reasoning += d.Reasoning
	})
	return a
}

func (b *Bench) answers(t *testing.T, add func(string, bool, string)) {
	t.Helper()
	b.Behave(Answering)
	a := b.ask(t.Context(), b.Provider)
	if a.err != nil {
		t.Fatalf("text: %v", a.err)
	}
	if a.text != a.resp.Text {
		t.Errorf("stream: the deltas join to %q, the text is %q", a.text, a.resp.Text)
	}
	if err := b.Valid(a.resp.Text); err != nil {
		t.Errorf("schema: %v in %s", err, a.resp.Text)
	}
	u := a.resp.Usage
	add("text", true, "")
	add("stream", a.pieces > 2, "")
	add("usage", u.Input > 0 && u.Output > 0, "")
	add("cached tokens", u.Cached > 0 && u.Cached < u.Input, "")
}

func (b *Bench) reasons(t *testing.T, add func(string, bool, string)) {
	t.Helper()
	if b.Thinks == nil {
		add("reasoning", false, "")
		return
	}
	a := b.ask(t.Context(), b.Thinks)
	if a.err != nil {
		t.Fatalf("reasoning: %v", a.err)
	}
	if err := b.Valid(a.resp.Text); err != nil {
		t.Errorf("reasoning: the text is not the answer alone: %v in %s", err, a.resp.Text)
	}
	if a.reasoning != a.resp.Reasoning || a.text != a.resp.Text {
		t.Error("reasoning: the deltas do not join to it")
	}
	note := ""
	if a.reasoning == "" && a.resp.Usage.Reasoning > 0 {
		note = "counted only"
	}
	add("reasoning", a.reasoning != "" || a.resp.Usage.Reasoning > 0, note)
}

func (b *Bench) fails(t *testing.T, add func(string, bool, string)) {
	t.Helper()
	for _, f := range failures {
		has, retry := false, time.Duration(0)
		for _, s := range f.situations {
			if !b.Behave(s) {
				continue
			}
			has = true
			a := b.ask(t.Context(), b.Provider)
			wantFailure(t, s, a.err, f.class)
			if e, ok := errors.AsType[*providers.Error](a.err); ok {
				retry = max(retry, e.RetryAfter)
			}
		}
		add(f.feature, has, "")
		if f.class == providers.ClassRateLimited {
			if retry != 0 && retry != RetryAfter {
				t.Errorf("Retry-After is read as %v, want %v", retry, RetryAfter)
			}
			add("Retry-After", retry == RetryAfter, "")
		}
	}
}

// wantFailure fails the test unless err is of the class, and fit to be shown.
// Half an answer of garbage may as well look like a broken connection.
func wantFailure(t *testing.T, s Situation, err error, want providers.Class) {
	t.Helper()
	got := providers.ClassOf(err)
	if got != want && (want != providers.ClassServer || s != "garbage" || got != providers.ClassTransport) {
		t.Errorf("%s: class %q, want %q: %v", s, got, want, err)
		return
	}
	if e, ok := errors.AsType[*providers.Error](err); !ok || strings.TrimSpace(e.Message) == "" {
		t.Errorf("%s: %v (%T) tells no reason", s, err, err)
	}
}

func (b *Bench) truncates(t *testing.T) bool {
	t.Helper()
	if !b.Behave("truncated") {
		return false
	}
	a := b.ask(t.Context(), b.Provider)
	if a.err != nil || !a.resp.Truncated {
		t.Errorf("truncated: %+v, %v", a.resp, a.err)
	}
	return true
}

// isLate tests both time limits: on the whole, before the first piece and
// between pieces.
func (b *Bench) isLate(t *testing.T) bool {
	t.Helper()
	const soon, late = 50 * time.Millisecond, time.Hour
	had := false
	for s, p := range map[Situation]providers.Provider{
		Hanging:  providers.WithTimeout(b.Provider, soon),
		Stalling: providers.WithTimeout(providers.WithStallTimeout(b.Provider, soon, soon), late),
	} {
		if !b.Behave(s) {
			continue
		}
		had = true
		wantFailure(t, s, b.ask(t.Context(), p).err, providers.ClassTimeout)
	}
	return had
}

func (b *Bench) isCanceled(t *testing.T) bool {
	t.Helper()
	why := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	served := b.Behave(Hanging)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	if served {
		waiting.Go(func() {
			if err := b.Arrived(t.Context()); err != nil {
				t.Errorf("canceled: no call has arrived: %v", err)
			}
			cancel(why)
		})
	} else {
		cancel(why)
	}
	a := b.ask(ctx, b.Provider)
	wantFailure(t, "canceled", a.err, providers.ClassCanceled)
	if !errors.Is(a.err, why) {
		t.Errorf("canceled: %v does not wrap the cause", a.err)
	}
	if !served {
		return true
	}
	if err := b.Left(t.Context()); err != nil {
		t.Errorf("canceled: the outbound call goes on: %v", err)
	}
	return true
}
