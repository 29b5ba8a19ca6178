package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/openai"
)

// TestAFieldThatIsRefusedIsLeftAway asks servers that refuse one field, twice.
func TestAFieldThatIsRefusedIsLeftAway(t *testing.T) {
	quirks := openai.Quirks{JSONMode: openai.JSONSchema, Temperature: &openai.Range{Max: 2}}
	for _, c := range []struct {
		name, field string
		status      int
		body        string
	}{
		{"response_format", "response_format", 400, `{"error":{"message":"response_format of this type is not available","type":"invalid_request_error"}}`},
		{"response_format, by its type", "response_format", 400, `{"error":"'response_format.type' must be 'json_object' or 'text'"}`},
		{"response_format, as a fault of the server", "response_format", 500, `{"error":{"message":"json_schema is not supported by this model"}}`},
		{"stream_options", "stream_options", 422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`},
		{"temperature", "temperature", 400, `{"error":{"message":"Unsupported value","param":"temperature","code":"unsupported_value"}}`},
		{"max_tokens", "max_tokens", 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls []map[string]any
			p := serve(t, quirks, func(w http.ResponseWriter, r *http.Request) {
				body := map[string]any{}
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				calls = append(calls, body)
				if body[c.field] != nil {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
					return
				}
				events(textEvent, stopEvent)(w, r)
			})
			req := &providers.Request{Model: "m", OutputLimit: 100, Schema: json.RawMessage(`{"type":"object"}`), Messages: []providers.Message{{Role: providers.User, Content: "q"}}}
			for range 2 {
				if _, err := generate(t.Context(), p, req); err != nil {
					t.Fatal(err)
				}
			}
			if len(calls) != 3 {
				t.Fatalf("%d calls: want one more for the first question only", len(calls))
			}
			for field, first := range calls[0] {
				if field != c.field && field != "messages" && fmt.Sprint(calls[2][field]) != fmt.Sprint(first) {
					t.Errorf("%s became %v", field, calls[2][field])
				}
			}
			if c.field == "max_tokens" && calls[2]["max_completion_tokens"] == nil {
				t.Error("the answer is no longer bounded")
			}
			if messages := fmt.Sprint(calls[2]["messages"]); c.field == "response_format" && !strings.Contains(messages, "JSON Schema") {
				t.Errorf("nothing tells the model of the schema: %s", messages)
			}
		})
	}
}

// TestARefusalThatStaysOneIsNotRemembered is about servers that refuse the
// request for another reason, or always.
func TestARefusalThatStaysOneIsNotRemembered(t *testing.T) {
	calls := 0
	p := serve(t, openai.Quirks{Temperature: &openai.Range{Max: 2}}, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"invalid temperature: only 1 is allowed for this model"}}`)
	})
	for range 2 {
		_, err := generate(t.Context(), p, &providers.Request{Model: "m"})
		if providers.ClassOf(err) != providers.ClassBadRequest {
			t.Errorf("got %v", err)
		}
	}
	if calls != 4 {
		t.Errorf("%d calls, want two for each question", calls)
	}
}

func TestStreamOptionsCanBeLeftAway(t *testing.T) {
	cfg := config("http://x")
	cfg.Quirks.OmitStreamOptions = true
	if body, _ := sent(t, cfg, &providers.Request{Model: "m"}); body["stream_options"] != nil {
		t.Errorf("sent %v", body["stream_options"])
	}
}

// TestWhatAFailureOnlyMentionsIsNotLeftOut has refusals in which the names of
// fields occur, and that are about something else.
func TestWhatAFailureOnlyMentionsIsNotLeftOut(t *testing.T) {
	for _, body := range []string{
		`{"error":{"message":"Invalid content. The temperature of the coolant is 90 degrees"}}`,
		`{"error":{"message":"messages[1] is too long: it has a table of temperature and pressure"}}`,
		`{"error":{"message":"the role must be user; you wrote about stream options","param":"messages"}}`,
		`{"error":{"message":"temperature sensor","param":"messages.1.content"}}`,
		`{"error":{"message":"room_temperature is not a known tool"}}`,
		`{"error":{"message":"max_tokens must be at most 4096"}}`,
		`{"error":{"message":"bad request"}}`,
	} {
		calls := 0
		p := serve(t, openai.Quirks{Temperature: &openai.Range{Max: 2}}, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, body)
		})
		if _, err := generate(t.Context(), p, &providers.Request{Model: "m", OutputLimit: 10}); providers.ClassOf(err) != providers.ClassBadRequest || calls != 1 {
			t.Errorf("%s: %d calls, %v", body, calls, err)
		}
	}
}

// TestARefusedSchemaIsNoRefusalOfOthers asks a server that cannot enforce one
// agent's schema.
func TestARefusedSchemaIsNoRefusalOfOthers(t *testing.T) {
	formats := 0
	p := serve(t, openai.Quirks{JSONMode: openai.JSONSchema}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch asked := string(body); {
		case !strings.Contains(asked, `"response_format"`):
		case strings.Contains(asked, "uniqueItems"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"Invalid schema for response_format 'x': 'uniqueItems' is not permitted.","param":"response_format"}}`)
			return
		default:
			formats++
		}
		events(textEvent, stopEvent)(w, r)
	})
	for _, schema := range []string{`{"type":"array","uniqueItems":true}`, `{"type":"object"}`, `{"type":"array","uniqueItems":true}`, `{"type":"object"}`} {
		if _, err := generate(t.Context(), p, &providers.Request{Model: "m", Schema: json.RawMessage(schema)}); err != nil {
			t.Fatal(err)
		}
	}
	if formats != 2 {
		t.Errorf("the other agent's schema was sent %d times, want 2", formats)
	}
}
