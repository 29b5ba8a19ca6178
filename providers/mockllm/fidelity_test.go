package mockllm_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/coze"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/providers/openai"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/providers/scorecard"
)

//go:generate go test . -run TestFidelity -update

var update = flag.Bool("update", false, "write docs/providers.md anew")

const document = "../../docs/providers.md"

// TestFidelity examines every provider that we have against the server, and
// keeps the table of what each can do.
func TestFidelity(t *testing.T) {
	var rows []row
	for _, p := range subjects(t) {
		r := row{title: p.title}
		t.Run(p.title, func(t *testing.T) { r.found, r.schema, r.errors = examine(t, p) })
		rows = append(rows, r)
	}
	if t.Failed() {
		return
	}
	text := page(rows)
	if *update {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(document); err != nil || string(got) != text {
		t.Errorf("docs/providers.md is out of date (%v): run make generate", err)
	}
}

// subject is a provider to be examined.
type subject struct {
	title  string
	name   string // at the server; "" for the scorecard
	model  string
	make   func(url string, client *http.Client) providers.Provider
	thinks func(url string, client *http.Client) providers.Provider
}

// thinking is what switches thinking on, where a preset switches it off.
var thinking = map[string]map[string]any{
	"deepseek":  {"thinking": map[string]any{"type": "enabled"}},
	"kimi":      {"thinking": map[string]any{"type": "enabled"}},
	"dashscope": {"enable_thinking": true},
}

// subjects are the presets, a server with nothing but OpenAI's API, and the
// scorecard.
func subjects(t *testing.T) []subject {
	t.Helper()
	var all []subject
	for _, p := range presets.All() {
		if !slices.Contains(mockllm.Providers(), serverName(p.Name)) {
			continue // a server of one's own, with an API that stands here already
		}
		all = append(all, presetSubject(t, p))
	}
	all = append(all,
		subject{title: "other servers with OpenAI's API", name: mockllm.DashScope, model: "qwen3.8-flash", make: func(url string, client *http.Client) providers.Provider {
			return openai.New(openai.Config{Name: "other", BaseURL: url, Key: key}, client)
		}},
		subject{title: "scorecard", make: func(string, *http.Client) providers.Provider {
			return scorecard.New(func(string, json.RawMessage, string) (json.RawMessage, error) { return json.RawMessage(`{"a":1}`), nil })
		}})
	return all
}

var key = providers.NewSecret("sk-mock-0123456789")

// serverName is what a preset's service is called at the server.
func serverName(preset string) string { return strings.TrimSuffix(preset, "-native") }

func presetSubject(t *testing.T, p presets.Preset) subject {
	t.Helper()
	create := func(p presets.Preset) func(url string, client *http.Client) providers.Provider {
		return func(url string, client *http.Client) providers.Provider {
			if p.Dialect == presets.Coze {
				return coze.New(coze.Config{BaseURL: url, Key: key, Bot: "7300", Poll: time.Millisecond}, client)
			}
			made, err := p.New(key, client, presets.Overrides{BaseURL: url})
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
	}
	s := subject{title: p.Name, name: serverName(p.Name), model: p.Model, make: create(p), thinks: create(p)}
	switch {
	case p.Dialect == presets.Coze:
		s.model = "7300"
	case p.Dialect == presets.Ollama:
		s.model = "deepseek-r1:32b"
	case thinking[p.Name] != nil:
		p.Quirks.ExtraBody = maps.Clone(p.Quirks.ExtraBody)
		if p.Quirks.ExtraBody == nil {
			p.Quirks.ExtraBody = map[string]any{}
		}
		maps.Copy(p.Quirks.ExtraBody, thinking[p.Name])
		s.thinks = create(p)
	}
	return s
}

const schema = `{"type":"object","required":["score","why"],"properties":{"score":{"type":"integer","minimum":0,"maximum":9},"why":{"type":"string"}}}`

// examine examines one provider. Beside the findings it returns by which means
// the schema was sent, and what the service's errors look like.
func examine(t *testing.T, p subject) (found []providertest.Finding, means string, errs []said) {
	t.Helper()
	compiled := compile(t, schema)
	arrived, left := make(chan struct{}, 1), make(chan struct{}, 1)
	server := mockllm.New(mockllm.Config{
		Direct: func(mockllm.Ask) (mockllm.Act, bool) {
			if p.name != mockllm.Coze {
				signal(arrived)
			}
			return mockllm.Act{}, false
		},
		OnCall: func(_ mockllm.Ask, c mockllm.Call) {
			if c.Left {
				signal(left)
			}
		},
	})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/v3/chat/retrieve") {
			signal(arrived)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { web.Client().CloseIdleConnections(); web.Close() })
	rec := &recorder{next: web.Client().Transport}
	client := &http.Client{Transport: rec}
	b := providertest.Bench{
		Provider: p.make(web.URL+mockllm.Path(p.name), client),
		Request: func() *providers.Request {
			return &providers.Request{
				Model: p.model, Schema: json.RawMessage(schema), SchemaName: "judgement", OutputLimit: 4000,
				Messages: []providers.Message{{Role: providers.System, Content: "You judge."}, {Role: providers.User, Content: "判断这个商机。"}},
			}
		},
		Valid:   func(text string) error { wantValid(t, compiled, text); return nil },
		Arrived: wait(arrived), Left: wait(left),
	}
	if p.thinks != nil {
		b.Thinks = p.thinks(web.URL+mockllm.Path(p.name), client)
	}
	b.Behave = func(s providertest.Situation) bool {
		select { // forget the calls before
		case <-arrived:
		default:
		}
		return behave(t, server, p, s)
	}
	if p.name == "" {
		b.Valid = func(string) error { return nil }
		b.Behave = func(providertest.Situation) bool { return false }
	}
	found = providertest.Examine(t, b)
	return found, rec.means(), collect(t, server, p, b, rec)
}

// signal tells whoever waits; if nobody has waited for the last one, that will do.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func wait(c <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		select {
		case <-c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unseen are faults that cannot show in a dialect.
var unseen = map[string][]mockllm.Fault{
	mockllm.Coze: {mockllm.Truncated},
}

func behave(t *testing.T, server *mockllm.Server, p subject, s providertest.Situation) bool {
	t.Helper()
	f := mockllm.Fault(s)
	if !mockllm.Speaks(p.name, f) || slices.Contains(unseen[p.name], f) {
		return false
	}
	b := mockllm.Behavior{Cached: 0.5, Thinking: 24, RetryAfter: mockllm.Duration(providertest.RetryAfter)}
	if f != mockllm.None {
		b.Faults = map[mockllm.Fault]float64{f: 1}
	}
	if err := server.Set(p.name, b); err != nil {
		t.Fatal(err)
	}
	return true
}

// collect asks once more for each error, to see what it looks like on the wire.
func collect(t *testing.T, server *mockllm.Server, p subject, b providertest.Bench, rec *recorder) []said {
	t.Helper()
	var all []said
	if p.name == "" {
		return nil
	}
	for _, f := range mockllm.Faults()[:9] {
		if !behave(t, server, p, providertest.Situation(f)) {
			continue
		}
		rec.last = said{}
		_, err := b.Provider.Generate(t.Context(), b.Request(), func(providers.Delta) {})
		if e, ok := errors.AsType[*providers.Error](err); ok {
			rec.last.class = e.Class
		}
		all = append(all, rec.last)
	}
	return all
}

// row is what was found about one provider.
type row struct {
	title  string
	found  []providertest.Finding
	schema string
	errors []said
}

// page is docs/providers.md.
func page(rows []row) string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| |")
	for _, r := range rows {
		fmt.Fprintf(&b, " %s |", r.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n| schema by |")
	for _, r := range rows {
		fmt.Fprintf(&b, " %s |", r.schema)
	}
	b.WriteString("\n")
	for i, f := range rows[0].found {
		fmt.Fprintf(&b, "| %s |", f.Feature)
		for _, r := range rows {
			fmt.Fprintf(&b, " %s |", mark(r.found[i]))
		}
		b.WriteString("\n")
	}
	b.WriteString(middle)
	for _, r := range rows {
		if len(r.errors) == 0 || r.title == "other servers with OpenAI's API" {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| class | HTTP | body |\n|---|---|---|\n", r.title)
		for _, e := range r.errors {
			fmt.Fprintf(&b, "| %s | %d | `%s` |\n", e.class, e.status, strings.NewReplacer("|", `\|`, "`", "'").Replace(e.body))
		}
	}
	return b.String()
}

func mark(f providertest.Finding) string {
	switch {
	case f.Note != "":
		return "✓ " + f.Note
	case f.Has:
		return "✓"
	}
	return "–"
}

const intro = `# What each provider can do

Written by the test that examines every provider against ` + "`spillway mock-llm`" + ` (` + "`go test ./providers/mockllm -run Fidelity -update`" + `).
✓ was tested; – does not exist in that API. A row that is named like a class of failure says that the service's own words for
it are read as that class.

`

const middle = `
- **schema by**: the means by which the model learns of the schema. ` + "`format`" + ` and ` + "`json_schema`" + ` bind the answer; ` + "`json_object`" + ` makes it JSON;
  the prompt binds nothing. Every answer is checked against the whole schema in any case.
- **server** also means an error behind status 200 and a page of HTML; **transport** a refused connection, one that breaks in the middle
  of an answer, and an end without an end; **bad_output** a blank answer, whose usage is still counted.
- **time limits**: none for the first piece, between pieces and on the whole is left to the service; a call that exceeds ours is ended
  there, as one that is **canceled** is, and the server notices.

## Errors

What the mock server sends in the name of each service, after what the services document, and the class it is read as. The class
follows from types, codes and statuses; the wording of real errors changes.
`
