package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
)

// model is the one that the conformance test asks for.
const model = "model-1"

// New makes the provider under test, which calls the server at baseURL.
type New func(baseURL string, client *http.Client) providers.Provider

// Run tests that a Provider keeps the contract of providers.Provider, against
// servers that speak its dialect by script. What the dialect lacks is left out.
func Run(t *testing.T, newProvider New, dialect Dialect) {
	t.Helper()
	k := &kit{newProvider, dialect}
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"an answer streams, and its deltas join to its text", k.answer},
		{"reasoning is kept apart", k.reasoning},
		{"an answer at its limit is truncated", k.truncated},
		{"a blank answer is bad_output and tells its usage", k.blank},
		{"the request is not changed", k.request},
		{"statuses have classes", k.statuses},
		{"nobody listens: transport", k.refused},
		{"a drop in the middle is transport", k.drop},
		{"an early end is transport", k.earlyEnd},
		{"garbage is server", k.garbage},
		{"an answer without end is bounded", k.huge},
		{"canceling aborts the outbound call", k.cancel},
		{"an ended context makes no call", k.ended},
		{"every shape", k.shapes},
		{"models are listed", k.models},
		{"a list that fails has a class", k.modelsFail},
	} {
		t.Run(c.name, c.test)
	}
}

// kit is what the cases share.
type kit struct {
	newProvider New
	dialect     Dialect
}

// serve starts a server with h, and returns a provider that calls it.
func (k *kit) serve(t *testing.T, h http.HandlerFunc) providers.Provider {
	t.Helper()
	if k.dialect.Route != nil {
		h = k.dialect.Route(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return k.newProvider(s.URL, s.Client())
}

// needs skips a test of what the dialect lacks.
func (*kit) needs(t *testing.T, has bool) {
	t.Helper()
	if !has {
		t.Skip("the dialect has no words for it")
	}
}

// says returns a handler that answers with pieces and then ends.
func (k *kit) says(usage providers.Usage, truncated bool, pieces ...providers.Delta) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		k.dialect.Begin(w)
		for _, p := range pieces {
			k.dialect.Piece(w, p)
		}
		k.dialect.End(w, usage, truncated)
	}
}

// Question returns the request that the conformance test sends.
func Question() *providers.Request {
	return &providers.Request{
		Model: model,
		Messages: []providers.Message{
			{Role: providers.System, Content: "You judge opportunities."},
			{Role: providers.User, Content: "判断这个商机。"},
		},
		Schema:      json.RawMessage(`{"type":"object","properties":{"a":{"type":"integer"}}}`),
		SchemaName:  "judgement",
		OutputLimit: 500,
		Agent:       "A02",
		Input:       json.RawMessage(`{"name":"x"}`),
		Language:    "zh",
	}
}

// ask asks p the Question and returns the deltas with the answer.
func ask(ctx context.Context, p providers.Provider) (text, reasoning string, resp *providers.Response, err error) {
	resp, err = p.Generate(ctx, Question(), func(d providers.Delta) {
		text += d.Text
		reasoning += d.Reasoning
	})
	return text, reasoning, resp, err
}

// wantClass fails the test unless err is an *Error of the class and shows
// nothing of the server's.
func wantClass(t *testing.T, err error, want providers.Class) {
	t.Helper()
	if got := providers.ClassOf(err); got != want {
		t.Fatalf("class %q, want %q: %v", got, want, err)
	}
	if e, ok := errors.AsType[*providers.Error](err); !ok {
		t.Fatalf("%T is not an *Error: %v", err, err)
	} else if e.Message == "" || len(e.Message) > 500 {
		t.Errorf("message of %d bytes: %q", len(e.Message), e.Message)
	}
}

func (k *kit) answer(t *testing.T) {
	want := providers.Usage{Input: 120, Cached: 20, Output: 30}
	if k.dialect.Lacks.Cached {
		want.Cached = 0
	}
	p := k.serve(t, k.says(want, false, providers.Delta{Text: `{"a"`}, providers.Delta{Text: `: 1`}, providers.Delta{Text: `}`}))
	text, _, resp, err := ask(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Text != `{"a": 1}` || text != resp.Text {
		t.Errorf("text %q, deltas %q", resp.Text, text)
	}
	if resp.Usage != want {
		t.Errorf("usage %+v, want %+v", resp.Usage, want)
	}
	if resp.Truncated || (resp.FirstToken <= 0) != k.dialect.Lacks.Stream {
		t.Errorf("truncated %t, first token after %v", resp.Truncated, resp.FirstToken)
	}
}

func (k *kit) reasoning(t *testing.T) {
	t.Run("in a field", func(t *testing.T) {
		k.thinks(t, providers.Delta{Reasoning: "Hm. "}, providers.Delta{Reasoning: "Yes."}, providers.Delta{Text: `{"a":1}`})
	})
	t.Run("in tags", func(t *testing.T) {
		k.thinks(t, providers.Delta{Text: "<thi"}, providers.Delta{Text: "nk>\nHm. Yes.</th"}, providers.Delta{Text: "ink>\n\n{\"a\":1}"})
	})
}

func (k *kit) thinks(t *testing.T, pieces ...providers.Delta) {
	t.Helper()
	text, reasoning, resp, err := ask(t.Context(), k.serve(t, k.says(FakeUsage, false, pieces...)))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Text != `{"a":1}` || text != resp.Text {
		t.Errorf("text %q, deltas %q", resp.Text, text)
	}
	if resp.Reasoning != "Hm. Yes." || reasoning != resp.Reasoning {
		t.Errorf("reasoning %q, deltas %q", resp.Reasoning, reasoning)
	}
}

func (k *kit) truncated(t *testing.T) {
	k.needs(t, !k.dialect.Lacks.Truncation)
	_, _, resp, err := ask(t.Context(), k.serve(t, k.says(FakeUsage, true, providers.Delta{Text: `{"a":`})))
	if err != nil {
		t.Fatal(err)
	}
	if !resp.Truncated {
		t.Error("not truncated")
	}
}

func (k *kit) blank(t *testing.T) {
	_, _, resp, err := ask(t.Context(), k.serve(t, k.says(FakeUsage, false, providers.Delta{Text: " \n"})))
	wantClass(t, err, providers.ClassBadOutput)
	if resp == nil || resp.Usage != FakeUsage {
		t.Errorf("response %+v: want the usage that was paid for", resp)
	}
}

func (k *kit) request(t *testing.T) {
	var body []byte
	p := k.serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		k.says(FakeUsage, false, providers.Delta{Text: "{}"})(w, r)
	})
	req := Question()
	if _, err := p.Generate(t.Context(), req, func(providers.Delta) {}); err != nil {
		t.Fatal(err)
	}
	name, schema, stream := k.dialect.Asked(body)
	if name != model || !schema || stream == k.dialect.Lacks.Stream {
		t.Errorf("model %q, schema %t, stream %t in %s", name, schema, stream, body)
	}
	for _, m := range req.Messages {
		if quoted, _ := json.Marshal(m.Content); !strings.Contains(string(body), strings.Trim(string(quoted), `"`)) {
			t.Errorf("%q is missing in %s", m.Content, body)
		}
	}
	got, _ := json.Marshal(req)
	want, _ := json.Marshal(Question())
	if string(got) != string(want) {
		t.Errorf("the request was changed to %s", got)
	}
}

// promptly bounds how long an aborted call may take to return, and its server to
// notice.
const promptly = 5 * time.Second
