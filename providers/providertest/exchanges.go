package providertest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
)

// Exchange is an answer as some server really sends it, and what is to be made of
// it.
type Exchange struct {
	Name   string
	Status int // 0: 200
	Body   string

	Text      string // of the answer; "": it is a failure
	Reasoning string
	Usage     providers.Usage
	Class     providers.Class // of the failure
	Says      string          // what its message has to hold
	Wait      time.Duration   // its RetryAfter at least; 0: not looked at
}

// exchanges tests what the dialect's servers really send.
func (k *kit) exchanges(t *testing.T) {
	for _, x := range k.dialect.Exchanges {
		t.Run(x.Name, func(t *testing.T) {
			calls := 0
			p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Content-Type", "application/json")
				if x.Status != 0 {
					w.WriteHeader(x.Status)
				}
				_, _ = io.WriteString(w, x.Body)
			})
			text, reasoning, resp, err := ask(t.Context(), p)
			if x.Class != "" {
				x.failed(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.Text != x.Text || text != x.Text || resp.Reasoning != x.Reasoning || reasoning != x.Reasoning && x.Reasoning != "" || resp.Usage != x.Usage || calls != 1 {
				t.Errorf("%d calls, text %q, deltas %q, reasoning %q, usage %+v", calls, resp.Text, text, resp.Reasoning, resp.Usage)
			}
		})
	}
}

func (x *Exchange) failed(t *testing.T, err error) {
	t.Helper()
	wantClass(t, err, x.Class)
	e, _ := errors.AsType[*providers.Error](err)
	if !strings.Contains(e.Message, x.Says) || e.RetryAfter < x.Wait {
		t.Errorf("message %q, to be asked again after %v", e.Message, e.RetryAfter)
	}
}

// sse writes a stream of events, each of which ends as the last argument says.
func sse(end string, data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("data: " + d + end)
	}
	return b.String()
}

// chunkOf is one event of OpenAI's API with a delta.
func chunkOf(delta string) string {
	return `{"choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}`
}

const (
	stopChunk  = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usageChunk = `{"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":60,"total_tokens":150}}`
	doneChunk  = `[DONE]`
)

// OpenAIAnswers are answers of servers that keep OpenAI's format roughly.
func OpenAIAnswers() []Exchange {
	piece := chunkOf(`{"content":"{\"a\": 1}"}`)
	const text = `{"a": 1}`
	used := providers.Usage{Input: 90, Output: 60}
	counted := func(usage string) string {
		return sse("\n\n", piece, stopChunk, `{"choices":[],"usage":`+usage+`}`, doneChunk)
	}
	return []Exchange{
		{Name: "CRLF", Body: sse("\r\n\r\n", piece, stopChunk, doneChunk), Text: text},
		{Name: "CR", Body: sse("\r\r", piece, stopChunk, doneChunk), Text: text},
		{Name: "no blank lines", Body: sse("\n", piece, stopChunk, doneChunk), Text: text},
		{Name: "a byte order mark", Body: "\ufeff" + sse("\n\n", piece, stopChunk, doneChunk), Text: text},
		{Name: "comments, IDs, retry and pings", Body: ": hello\n\nid: 1\nretry: 3000\nevent: message\ndata: " + piece + "\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n: ping\n\ndata: ping\n\ndata:\n\n" + sse("\n\n", stopChunk, doneChunk), Text: text},
		{Name: "data of several lines", Body: "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\r\ndata: \"{\\\"a\\\": 1}\"}}]}\n\n" + sse("\n\n", stopChunk, doneChunk), Text: text},
		{Name: "data without a space, and no end", Body: "data:" + piece + "\n\ndata:" + stopChunk, Text: text},
		{Name: "JSON lines", Body: piece + "\n" + stopChunk + "\n", Text: text},
		{Name: "a list of events", Body: "[" + piece + ",\n" + stopChunk + "]", Text: text},
		{Name: "a whole answer over several lines", Body: "{\n \"choices\": [\n  {\"index\": 0,\n\n \"message\": {\"content\": \"{\\\"a\\\": 1}\"}, \"finish_reason\": \"stop\"}]\n}\n", Text: text},
		{Name: "a whole answer as an event", Body: sse("\n\n", `{"choices":[{"message":{"role":"assistant","content":"{\"a\": 1}"},"finish_reason":"stop"}]}`), Text: text},
		{Name: "a choice without a list", Body: sse("\n\n", `{"choices":{"delta":{"content":"{\"a\": 1}"},"finish_reason":"stop"}}`, doneChunk), Text: text},
		{Name: "numbers as texts and texts as numbers", Body: sse("\n\n", `{"id":7,"created":"now","model":null,"choices":[{"index":"0","delta":{"role":1,"content":"{\"a\": "},"logprobs":NaN,"finish_reason":false}]}`, chunkOf(`{"content":1}`), chunkOf(`{"content":"}"}`), stopChunk, doneChunk), Text: text},
		{Name: "members that are null or missing", Body: sse("\n\n", `{"choices":null}`, `{}`, `null`, `{"choices":[{"delta":null}]}`, `{"choices":[null,7]}`, `{"error":null,"choices":[{"index":0,"delta":{"content":null,"reasoning_content":null,"tool_calls":null}}]}`, piece, stopChunk, doneChunk), Text: text},
		{Name: "an error that is none", Body: sse("\n\n", `{"error":{},"code":0,"base_resp":{"status_code":0},"choices":[{"delta":{"content":"{\"a\": 1}"},"finish_reason":"stop"}]}`, doneChunk), Text: text},
		{Name: "a finish reason that is an object", Body: sse("\n\n", piece, `{"choices":[{"index":0,"delta":{},"finish_reason":{"type":"stop"}}]}`), Text: text},
		{Name: "content as parts", Body: sse("\n\n", chunkOf(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]}`), chunkOf(`{"content":[{"type":"text","text":"{\"a\""},{"type":"image_url","image_url":{"url":"x"}}]}`), chunkOf(`{"content":[": 1"]}`), chunkOf(`{"content":{"type":"text","text":"}"}}`), stopChunk, doneChunk), Text: text, Reasoning: "Hm."},
		{Name: "content that is the answer itself", Body: `{"choices":[{"message":{"content":{"a": 1}},"finish_reason":"stop"}]}`, Text: text},
		{Name: "the answer as reasoning", Body: sse("\n\n", chunkOf(`{"content":null}`), chunkOf(`{"reasoning_content":"{\"a\": "}`), chunkOf(`{"reasoning_content":"1}"}`), stopChunk, doneChunk), Text: text},
		{Name: "[DONE] and no finish reason", Body: sse("\n\n", piece, usageChunk, doneChunk), Text: text, Usage: used},
		{Name: "usage and neither [DONE] nor a finish reason", Body: sse("\n\n", piece, usageChunk), Text: text, Usage: used},
		{Name: "half an answer and usage", Body: sse("\n\n", chunkOf(`{"content":"{\"a\": "}`), usageChunk), Class: providers.ClassTransport},
		{Name: "half characters", Body: sse("\n\n", chunkOf(`{"content":"{\"a\": \""}`), chunkOf(`{"content":"\ud83d"}`), chunkOf(`{"content":"\ude80\"}"}`), stopChunk, doneChunk), Text: `{"a": "🚀"}`},
		{Name: "half characters as bytes", Body: sse("\n\n", chunkOf(`{"content":"{\"a\": \""}`), chunkOf("{\"content\":\"\xe5\xa5\"}"), chunkOf("{\"content\":\"\xbd\\\"}\"}"), stopChunk, doneChunk), Text: `{"a": "好"}`},
		{Name: "half a character that stays one", Body: sse("\n\n", chunkOf(`{"content":"{\"a\": \"\ud83d"}`), chunkOf(`{"content":"x\"}"}`), stopChunk, doneChunk), Text: `{"a": "` + "\ufffd" + `x"}`},
		{Name: "control characters in a text", Body: sse("\n\n", chunkOf("{\"content\":\"{\\\"a\\\":\t1}\"}"), stopChunk, doneChunk), Text: "{\"a\":\t1}"},
		{Name: "usage as floats", Body: counted(`{"prompt_tokens":90.0,"completion_tokens":60.0,"total_tokens":150.0}`), Text: text, Usage: used},
		{Name: "usage as texts", Body: counted(`{"prompt_tokens":"90","completion_tokens":"60"}`), Text: text, Usage: used},
		{Name: "usage under newer names", Body: counted(`{"input_tokens":90,"output_tokens":60}`), Text: text, Usage: used},
		{Name: "usage in other types", Body: counted(`{"prompt_tokens":90,"completion_tokens":60,"prompt_tokens_details":null,"completion_tokens_details":[],"cached_tokens":{}}`), Text: text, Usage: used},
		{Name: "usage with a total only", Body: counted(`{"prompt_tokens":90,"completion_tokens":null,"total_tokens":150}`), Text: text, Usage: used},
		{Name: "usage that cannot be", Body: counted(`{"prompt_tokens":-4,"completion_tokens":1e300}`), Text: text},
		{Name: "usage that is a list", Body: counted(`[1,2]`), Text: text},
		{Name: "usage with every piece", Body: sse("\n\n", `{"choices":[{"delta":{"content":"{\"a\": 1}"}}],"usage":{"prompt_tokens":90,"completion_tokens":4}}`, stopChunk, usageChunk, `{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}`, doneChunk), Text: text, Usage: used},

		{Name: "finish reason error", Body: sse("\n\n", piece, `{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`, doneChunk), Class: providers.ClassServer, Says: "finish reason error"},
		{Name: "finish reason network_error", Body: sse("\n\n", piece, `{"choices":[{"index":0,"delta":{},"finish_reason":"network_error"}]}`, doneChunk), Class: providers.ClassServer},
		{Name: "not an event among them", Body: "data: {\"choices\":[{]}\n\n", Class: providers.ClassServer, Says: "OpenAI's format"},
		{Name: "a plain text", Body: "no healthy upstream", Class: providers.ClassServer, Says: "no healthy upstream"},
	}
}
