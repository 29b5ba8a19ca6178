package shapes

import (
	"strings"
	"time"

	"github.com/topcentral/spillway/providers"
)

// openAIUsage are forms of the usage.
func openAIUsage() []Shape {
	used := func(name, about, usage string) Shape {
		return Shape{Name: name, About: about, Serve: sends(func(a Answer) string {
			fields := strings.NewReplacer("IN", itoa(a.Usage.Input), "OUT", itoa(a.Usage.Output), "SUM", itoa(a.Usage.Input+a.Usage.Output)).Replace(usage)
			return sse("\n\n", says(a.Text), stops("stop"), `{"choices":[],"usage":`+fields+`}`, doneEvent)
		})}
	}
	unknown := func(name, about, usage string) Shape {
		s := used(name, about, usage)
		s.Uncounted = true
		return s
	}
	return []Shape{
		used("usage-as-floats", "usage as floats", `{"prompt_tokens":IN.0,"completion_tokens":OUT.0,"total_tokens":SUM.0}`),
		used("usage-as-texts", "usage as texts", `{"prompt_tokens":"IN","completion_tokens":"OUT"}`),
		used("usage-newer-names", "usage under the names of a newer API", `{"input_tokens":IN,"output_tokens":OUT}`),
		used("usage-odd-types", "details of the usage in other types", `{"prompt_tokens":IN,"completion_tokens":OUT,"prompt_tokens_details":null,"completion_tokens_details":[],"cached_tokens":{}}`),
		used("usage-total-only", "input and total only", `{"prompt_tokens":IN,"completion_tokens":null,"total_tokens":SUM}`),
		unknown("usage-impossible", "a usage that cannot be", `{"prompt_tokens":-4,"completion_tokens":1e300}`),
		unknown("usage-list", "a usage that is a list", `[1,2]`),
		unknown("usage-null", "a usage that is null", `null`),
		{Name: "usage-with-every-piece", About: "usage with every piece, and 0 at last", Serve: sends(func(a Answer) string {
			first := `{"choices":[{"delta":{"content":` + quote(a.Text) + `}}],"usage":{"prompt_tokens":` + itoa(a.Usage.Input) + `,"completion_tokens":1}}`
			return sse("\n\n", first, stops("stop"), counts(a), `{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}`, doneEvent)
		})},
		{Name: "usage-before-end", About: "usage before the finish reason", Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), counts(a), stops("stop"), doneEvent) })},
		{Name: "usage-in-choice", About: "usage in the last choice (Kimi)", Serve: sends(func(a Answer) string {
			usage := `{"prompt_tokens":` + itoa(a.Usage.Input) + `,"completion_tokens":` + itoa(a.Usage.Output) + `}`
			return sse("\n\n", says(a.Text), `{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":`+usage+`}]}`, doneEvent)
		})},
		{Name: "no-usage", About: "no usage at all", Uncounted: true, Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), stops("stop"), doneEvent) })},
	}
}

// openAIEnds are ends of a stream, in good order or not.
func openAIEnds() []Shape {
	piece := func(a Answer) string { first, _ := halves(a.Text); return says(first) }
	return []Shape{
		{Name: "finish-with-last-piece", About: "the finish reason with the last piece", Serve: sends(func(a Answer) string {
			return sse("\n\n", `{"choices":[{"index":0,"delta":{"content":`+quote(a.Text)+`},"finish_reason":"stop"}]}`, counts(a), doneEvent)
		})},
		{Name: "finish-twice", About: "the finish reason twice", Serve: sends(func(a Answer) string {
			return sse("\n\n", says(a.Text), stops("stop"), stops("stop"), counts(a), doneEvent)
		})},
		{Name: "finish-reason-object", About: "a finish reason that is an object", Serve: sends(func(a Answer) string {
			return sse("\n\n", says(a.Text), `{"choices":[{"index":0,"delta":{},"finish_reason":{"type":"stop"}}]}`, counts(a))
		})},
		{Name: "finish-reason-null-text", About: `finish reasons that are the text "null"`, Serve: sends(func(a Answer) string {
			return sse("\n\n", `{"choices":[{"index":0,"delta":{"content":`+quote(a.Text)+`},"finish_reason":"null"}]}`, counts(a), doneEvent)
		})},
		{Name: "finish-length", About: "an answer that the output limit has cut off", Truncated: true, Text: func(text string) string { first, _ := halves(text); return first }, Serve: sends(func(a Answer) string {
			return sse("\n\n", piece(a), stops("length"), counts(a), doneEvent)
		})},
		{Name: "finish-max-tokens", About: "the same, by another name", Truncated: true, Text: func(text string) string { first, _ := halves(text); return first }, Serve: sends(func(a Answer) string {
			return sse("\n\n", piece(a), stops("MAX_TOKENS"), counts(a), doneEvent)
		})},
		{Name: "done-without-finish-reason", About: "[DONE], and no finish reason", Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), counts(a), doneEvent) })},
		{Name: "usage-without-end", About: "a whole answer and usage, and neither [DONE] nor a finish reason", Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), counts(a)) })},
		{Name: "half-answer-with-usage", About: "half an answer and usage, and neither [DONE] nor a finish reason", Class: providers.ClassTransport, Serve: sends(func(a Answer) string { return sse("\n\n", piece(a), counts(a)) })},
		{Name: "early-end", About: "half an answer, and an end in good order", Class: providers.ClassTransport, Serve: sends(func(a Answer) string { return sse("\n\n", piece(a)) })},
		{Name: "empty-200", About: "status 200 and nothing else", Class: providers.ClassTransport, Serve: fails(200, "")},
		{Name: "cut-event", About: "an end in the middle of an event", Class: providers.ClassTransport, Serve: sends(func(a Answer) string { return strings.TrimSuffix(sse("\n\n", says(a.Text)), "null}]}\n\n") })},
		{Name: "cut-done", About: "a finish reason, and an end in the middle of [DONE]", Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), stops("stop"), counts(a)) + "data: [DO" })},
		{Name: "reset-in-the-middle", About: "half an answer, and the connection breaks", Class: providers.ClassTransport, Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", piece(x.Answer)))
			reset()
		}},
		{Name: "reset-after-finish", About: "the connection breaks behind the finish reason", Uncounted: true, Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", says(x.Text), stops("stop")))
			reset()
		}},
		{Name: "reset-after-finish-of-half", About: "the same, behind half an answer", Class: providers.ClassTransport, Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", piece(x.Answer), stops("stop")))
			reset()
		}},
		{Name: "reset-after-done", About: "the connection breaks behind [DONE]", Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", pieces(x.Answer)...))
			reset()
		}},
		{Name: "hang-after-finish", About: "the connection stays open behind the finish reason, without [DONE]", Uncounted: true, Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", says(x.Text), stops("stop")))
			hold(x)
		}},
		{Name: "endless-after-finish", About: "empty pieces without end behind the finish reason", Uncounted: true, Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", says(x.Text), stops("stop")))
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for x.R.Context().Err() == nil {
				<-tick.C
				flush(x.W, sse("\n\n", says("")))
			}
		}},
		{Name: "hang-after-done", About: "the connection stays open behind [DONE]", Serve: func(x Exchange) {
			flush(x.W, sse("\n\n", pieces(x.Answer)...))
			hold(x)
		}},
		{Name: "finish-reason-error", About: "finish reason error", Class: providers.ClassServer, Says: "finish reason error", Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), stops("error"), doneEvent) })},
		{Name: "finish-reason-network-error", About: "finish reason network_error (Zhipu)", Class: providers.ClassServer, Serve: sends(func(a Answer) string { return sse("\n\n", piece(a), stops("network_error"), doneEvent) })},
		{Name: "content-filter", About: "finish reason content_filter behind the whole answer", Class: providers.ClassContentBlocked, Serve: sends(func(a Answer) string { return sse("\n\n", says(a.Text), stops("content_filter"), counts(a), doneEvent) })},
		{Name: "insufficient-system-resource", About: "finish reason insufficient_system_resource (DeepSeek)", Class: providers.ClassOverloaded, Serve: sends(func(a Answer) string { return sse("\n\n", piece(a), stops("insufficient_system_resource"), doneEvent) })},
	}
}

// openAILists are forms of the list of models.
func openAILists() []Shape {
	list := func(name, about, before, element, between, after string) Shape {
		return Shape{Name: name, About: about, List: func(models ...string) string {
			var elements []string
			for _, m := range models {
				elements = append(elements, strings.ReplaceAll(element, "NAME", m))
			}
			return before + strings.Join(elements, between) + after
		}}
	}
	return []Shape{
		list("list-top-level", "a list of models without an object around it", `[`, `{"id":"NAME","object":"model","created":1,"organization":"x"}`, `,`, `]`),
		list("list-created-text", "models whose created is a text", `{"object":"list","data":[`, `{"id":"NAME","created":"2026-01-01T00:00:00Z","permission":{}}`, `,`, `]}`),
		list("list-created-float", "models whose created is a float", `{"object":7,"data":[`, `{"id":"NAME","created":1.5}`, `,null,`, `]}`),
		list("list-under-models", "a list under models", `{"models":[`, `{"name":"NAME"}`, `,`, `]}`),
		list("list-of-texts", "a list of texts", `{"data":[`, `"NAME"`, `,`, `]}`),
		list("list-of-texts-top-level", "a list of texts without an object around it", "\ufeff[", `"NAME"`, `,`, `]`),
		list("list-within", "a list within an object in data", `{"code":0,"data":{"list":[`, `{"id":"NAME"}`, `,`, `]}}`),
		{Name: "list-null", About: "a list that is null", Class: providers.ClassServer, List: func(...string) string { return `{"object":"list","data":null,"models":7}` }},
		{Name: "list-cut", About: "a list that is cut off", Class: providers.ClassServer, List: func(...string) string { return `{"data":[` }},
		{Name: "list-empty-body", About: "nothing in place of a list", Class: providers.ClassServer, List: func(...string) string { return "" }},
		{Name: "list-page", About: "a web page in place of a list", Class: providers.ClassServer, Says: "web page", List: func(...string) string { return "<html>" }},
		{Name: "list-number", About: "a number in place of a list", Class: providers.ClassServer, List: func(...string) string { return `7` }},
		{Name: "list-nested", About: "a list nested ten thousand deep", Class: providers.ClassServer, List: func(...string) string {
			const deep = 9000
			return strings.Repeat(`{"data":`, deep) + `7` + strings.Repeat(`}`, deep)
		}},
	}
}
