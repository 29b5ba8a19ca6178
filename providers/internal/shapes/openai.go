package shapes

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/topcentral/spillway/providers"
)

// OpenAI lists the shapes of services with OpenAI's API.
func OpenAI() []Shape {
	return slices.Concat(openAIStreams(), openAIChoices(), openAIContents(), openAICharacters(), openAIRefusals(), openAIUsage(), openAIEnds(), openAIFailures(), openAIWords(), openAILists(), Foreign())
}

// sse writes a stream of events, each of which ends as the first argument says.
func sse(end string, data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("data: " + d + end)
	}
	return b.String()
}

// delta is an event with a delta.
func delta(fields string) string {
	return `{"choices":[{"index":0,"delta":{` + fields + `},"finish_reason":null}]}`
}

// says is an event with a piece of the answer.
func says(text string) string { return delta(`"content":` + quote(text)) }

// stops is an event with a finish reason.
func stops(reason string) string {
	return `{"choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

// counts is the event with the usage.
func counts(a Answer) string {
	return fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`, a.Usage.Input, a.Usage.Output, a.Usage.Input+a.Usage.Output)
}

const doneEvent = `[DONE]`

// pieces are the events of a whole answer in two pieces.
func pieces(a Answer) []string {
	first, second := halves(a.Text)
	return append([]string{delta(`"role":"assistant","content":""`), says(first), says(second)}, ending(a)...)
}

// ending are the events behind the last piece.
func ending(a Answer) []string { return []string{stops("stop"), counts(a), doneEvent} }

// stream returns a body of events, which are the given ones and the usual ending.
func stream(events func(a Answer) []string) func(Exchange) {
	return sends(func(a Answer) string { return sse("\n\n", append(events(a), ending(a)...)...) })
}

// whole is an answer that is not streamed.
func whole(a Answer) string {
	return fmt.Sprintf(`{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`,
		quote(a.Text), a.Usage.Input, a.Usage.Output)
}

// openAIStreams are forms of the stream itself.
func openAIStreams() []Shape {
	lines := func(end string) func(Exchange) {
		return sends(func(a Answer) string { return sse(end, pieces(a)...) })
	}
	return []Shape{
		{Name: "crlf", About: "lines end in CR LF", Serve: lines("\r\n\r\n")},
		{Name: "cr", About: "lines end in CR", Serve: lines("\r\r")},
		{Name: "no-blank-lines", About: "no blank lines between events", Serve: lines("\n")},
		{Name: "nan-without-blank-lines", About: "no blank lines between events, and NaN in them", Serve: sends(func(a Answer) string {
			first, second := halves(a.Text)
			nan := func(text string) string {
				return `{"choices":[{"index":0,"delta":{"content":` + quote(text) + `},"logprobs":NaN}]}`
			}
			return sse("\n", append([]string{nan(first), nan(second)}, ending(a)...)...)
		})},
		{Name: "byte-order-mark", About: "a byte order mark before the first byte", Serve: sends(func(a Answer) string { return "\ufeff" + sse("\n\n", pieces(a)...) })},
		{Name: "blank-lines-first", About: "blank lines before the first byte", Serve: sends(func(a Answer) string { return "\n\r\n\n" + sse("\n\n", pieces(a)...) })},
		{Name: "comments-and-pings", About: "comments, IDs, retry times and pings between events", Serve: sends(func(a Answer) string {
			return ": hello\n\nid: 1\nretry: 3000\nevent: message\n" + sse("\n\n", pieces(a)[0]) + "event: ping\ndata: {\"type\":\"ping\"}\n\n: ping\n\ndata: ping\n\ndata:\n\ndata\n\n" + sse("\n\n", pieces(a)[1:]...)
		})},
		{Name: "comment-in-event", About: "a comment between the lines of one event", Serve: sends(func(a Answer) string {
			return "event: message\n: still here\n" + sse("\n: still here\n\n", pieces(a)...)
		})},
		{Name: "keep-alive-flood", About: "2,000 comments before the first event", Serve: sends(func(a Answer) string { return strings.Repeat(": keep-alive\n\n", 2000) + sse("\n\n", pieces(a)...) })},
		{Name: "multi-line-data", About: "the data of one event on several lines", Serve: sends(func(a Answer) string {
			return "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\r\ndata: " + quote(a.Text) + "}}]}\n\n" + sse("\n\n", ending(a)...)
		})},
		{Name: "no-space-after-colon", About: "no space after data:", Serve: sends(func(a Answer) string { return strings.ReplaceAll(sse("\n\n", pieces(a)...), "data: ", "data:") })},
		{Name: "capital-fields", About: "Data: and EVENT: in capitals", Serve: sends(func(a Answer) string {
			return "EVENT: message\n" + strings.ReplaceAll(sse("\n\n", pieces(a)...), "data: ", "Data: ")
		})},
		{Name: "data-twice", About: "data: data: before every event", Serve: sends(func(a Answer) string {
			return strings.ReplaceAll(sse("\n\n", pieces(a)...), "data: ", "data: data: ")
		})},
		{Name: "noise-around", About: "lines that belong to nothing before and behind a whole answer", Serve: sends(func(a Answer) string { return "OK\n" + whole(a) + "\n<!-- cached -->\n" })},
		{Name: "named-events", About: "every event has a name", Serve: sends(func(a Answer) string {
			return strings.ReplaceAll(sse("\n\n", pieces(a)...), "data: ", "event: message\ndata: ")
		})},
		{Name: "json-lines", About: "JSON lines instead of events", Serve: sends(func(a Answer) string { return strings.Join(pieces(a)[:5], "\n") })},
		{Name: "list-of-events", About: "one JSON list of all events", Serve: sends(func(a Answer) string { return "[" + strings.Join(pieces(a)[:5], ",\n") + "]" })},
		{Name: "whole-answer", About: "one JSON object instead of a stream", Serve: sends(whole)},
		{Name: "whole-answer-indented", About: "the same, on several lines with blank ones between", Serve: sends(func(a Answer) string { return "{\n\n" + strings.ReplaceAll(whole(a)[1:], `,"`, ",\n\n \"") + "\n" })},
		{Name: "whole-answer-as-event", About: "one event with the whole answer", Serve: sends(func(a Answer) string { return sse("\n\n", whole(a)) })},
		{Name: "last-event-repeats", About: "the last event repeats the whole answer (MiniMax)", Serve: sends(func(a Answer) string { return sse("\n\n", append(pieces(a)[:3], whole(a))...) })},
		{Name: "no-last-blank-line", About: "the stream ends without a blank line", Serve: sends(func(a Answer) string { return strings.TrimRight(sse("\n\n", pieces(a)...), "\n") })},
		{Name: "no-done", About: "the stream ends behind the usage, without [DONE]", Serve: sends(func(a Answer) string { return sse("\n\n", pieces(a)[:5]...) })},
		{Name: "quoted-done", About: `data: "[DONE]" with spaces around`, Serve: sends(func(a Answer) string { return sse("\n\n", append(pieces(a)[:5], ` "[DONE]" `)...) })},
		{Name: "after-done", About: "an error and other data behind [DONE]", Serve: sends(func(a Answer) string {
			return sse("\n\n", append(pieces(a), `{"error":{"message":"too late","code":500}}`, says("more"), "garbage")...)
		})},
		{Name: "byte-by-byte", About: "every byte in a packet of its own, within characters too", Serve: func(x Exchange) {
			for _, b := range []byte(sse("\r\n\r\n", pieces(x.Answer)...)) {
				flush(x.W, string([]byte{b}))
			}
		}},
		{Name: "packets-across-events", About: "packets that end within events and hold parts of two", Serve: func(x Exchange) {
			body := sse("\n\n", pieces(x.Answer)...)
			for len(body) > 0 {
				n := min(len(body), 70)
				flush(x.W, body[:n])
				body = body[n:]
			}
		}},
		{Name: "octet-stream", About: "the content type says nothing", Serve: answers(200, map[string][]string{"Content-Type": {"application/octet-stream"}}, func(a Answer) string { return sse("\n\n", pieces(a)...) })},
		{Name: "content-type-html", About: "the content type says text/html, and it is none (PHP)", Serve: answers(200, map[string][]string{"Content-Type": {"text/html; charset=UTF-8"}}, func(a Answer) string { return sse("\n\n", pieces(a)...) })},
		{Name: "status-201", About: "status 201", Serve: answers(201, nil, func(a Answer) string { return sse("\n\n", pieces(a)...) })},
	}
}

// openAIChoices are forms of the choices and of the envelopes around them.
func openAIChoices() []Shape {
	return []Shape{
		{Name: "choice-without-list", About: "a choice that is no list", Serve: stream(func(a Answer) []string {
			return []string{`{"choices":{"delta":{"content":` + quote(a.Text) + `}}}`}
		})},
		{Name: "two-choices", About: "two choices, one after the other and at once", Serve: stream(func(a Answer) []string {
			first, second := halves(a.Text)
			return []string{`{"choices":[{"index":1,"delta":{"content":"other"}},{"index":0,"delta":{"content":` + quote(first) + `}}]}`, `{"choices":[{"index":1,"delta":{"content":"s"},"finish_reason":"error"}]}`, says(second)}
		})},
		{Name: "message-pieces", About: "pieces that are called message", Serve: stream(func(a Answer) []string {
			first, second := halves(a.Text)
			piece := func(text string) string {
				return `{"object":"chat.completion.chunk","choices":[{"index":0,"message":{"role":"assistant","content":` + quote(text) + `}}]}`
			}
			return []string{piece(first), piece(second)}
		})},
		{Name: "envelope", About: "every event in data, beside a code and a message", Serve: sends(func(a Answer) string {
			var events []string
			for _, e := range pieces(a)[:5] {
				events = append(events, `{"code":0,"message":"success","data":`+e+`}`)
			}
			return sse("\n\n", append(events, doneEvent)...)
		})},
		{Name: "envelope-of-whole-answer", About: "a whole answer in result", Serve: sends(func(a Answer) string { return `{"success":true,"code":200,"result":` + whole(a) + `}` })},
		{Name: "text-field", About: "the text of an older API", Serve: stream(func(a Answer) []string { return []string{`{"choices":[{"index":0,"text":` + quote(a.Text) + `}]}`} })},
		{Name: "mixed-types", About: "numbers as texts, texts as numbers, NaN", Serve: stream(func(a Answer) []string {
			before, digit, behind, _ := around(a.Text, unicode.IsDigit)
			if digit == "" {
				digit = `""`
			}
			return []string{`{"id":7,"created":"now","model":null,"choices":[{"index":"0","delta":{"role":1,"content":` + quote(before) + `},"logprobs":NaN,"finish_reason":false}]}`, delta(`"content":` + digit), says(behind)}
		})},
		{Name: "null-members", About: "members that are null or missing", Serve: stream(func(a Answer) []string {
			return []string{`{"choices":null}`, `{}`, `null`, `{"choices":[{"delta":null}]}`, `{"choices":[null,7]}`, `{"error":null,"choices":[{"index":0,"delta":{"content":null,"reasoning_content":null,"tool_calls":null}}],"usage":null}`, says(a.Text)}
		})},
		{Name: "empty-pieces", About: "hundreds of empty pieces", Serve: stream(func(a Answer) []string {
			return append(slices.Repeat([]string{says("")}, 300), says(a.Text))
		})},
		{Name: "filter-results-first", About: "a first event with the results of a filter only (Azure)", Serve: stream(func(a Answer) []string {
			return []string{`{"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}`, says(a.Text)}
		})},
		{Name: "error-that-is-none", About: "members of errors that are empty or 0", Serve: stream(func(a Answer) []string {
			return []string{`{"error":{},"code":0,"base_resp":{"status_code":0},"choices":[{"delta":{"content":` + quote(a.Text) + `}}]}`}
		})},
	}
}

// openAIContents are forms of the content and of the reasoning beside it.
func openAIContents() []Shape {
	return []Shape{
		{Name: "content-as-parts", About: "content as a list of parts, some of unknown types", Reasons: true, Serve: stream(func(a Answer) []string {
			first, second := halves(a.Text)
			return []string{delta(`"content":[{"type":"thinking","thinking":[{"type":"text","text":` + quote(a.Reasoning) + `}]}]`), delta(`"content":[{"type":"text","text":` + quote(first) + `},{"type":"image_url","image_url":{"url":"x"}}]`), delta(`"content":[` + quote(second) + `]`)}
		})},
		{Name: "content-as-object", About: "content that is the answer itself, without quotes", Serve: sends(func(a Answer) string {
			return `{"choices":[{"message":{"content":` + a.Text + `},"finish_reason":"stop"}],"usage":{"prompt_tokens":` + itoa(a.Usage.Input) + `,"completion_tokens":` + itoa(a.Usage.Output) + `}}`
		})},
		{Name: "answer-in-reasoning", About: "the answer in reasoning_content, and no content", Serve: stream(func(a Answer) []string {
			first, second := halves(a.Text)
			return []string{delta(`"content":null`), delta(`"reasoning_content":` + quote(first)), delta(`"reasoning_content":` + quote(second))}
		})},
		{Name: "reasoning-field", About: "reasoning in a field of its own (vLLM, OpenRouter)", Reasons: true, Serve: stream(func(a Answer) []string {
			return []string{delta(`"reasoning":` + quote(a.Reasoning) + `,"reasoning_details":[{"text":` + quote(a.Reasoning) + `}]`), says(a.Text)}
		})},
		{Name: "think-tags", About: "reasoning in <think> tags that are cut in two", Reasons: true, Serve: stream(func(a Answer) []string {
			return []string{says("<thi"), says("nk>\n" + a.Reasoning + "</th"), says("ink>\n\n" + a.Text)}
		})},
	}
}

// openAICharacters are forms in which the characters of a text arrive.
func openAICharacters() []Shape {
	return []Shape{
		{Name: "escaped", About: "everything but ASCII as escapes", Serve: stream(func(a Answer) []string {
			first, second := halves(a.Text)
			return []string{delta(`"content":` + escaped(first)), delta(`"content":` + escaped(second))}
		})},
		{Name: "surrogate-halves", About: "a character as two halves in two pieces", Serve: stream(func(a Answer) []string {
			before, at, behind, ok := around(a.Text, func(r rune) bool { return r > 0xffff })
			if !ok {
				return []string{says(a.Text)}
			}
			high, low := utf16.EncodeRune([]rune(at)[0])
			return []string{says(before), delta(fmt.Sprintf(`"content":"\u%04x"`, high)), delta(fmt.Sprintf(`"content":"\u%04x"`, low)), says(behind)}
		})},
		{Name: "lone-surrogate", About: "a half of a character that stays alone", Text: func(text string) string {
			before, _, behind, ok := around(text, func(r rune) bool { return r > 0xffff })
			if !ok {
				return text
			}
			return before + "\ufffd" + behind
		}, Serve: stream(func(a Answer) []string {
			before, _, behind, ok := around(a.Text, func(r rune) bool { return r > 0xffff })
			if !ok {
				return []string{says(a.Text)}
			}
			return []string{says(before), delta(`"content":"\ud83d"`), says(behind)}
		})},
		{Name: "character-in-two-pieces", About: "the bytes of a character in two pieces", Serve: stream(func(a Answer) []string {
			before, at, behind, ok := around(a.Text, func(r rune) bool { return r > 0x7ff })
			if !ok {
				return []string{says(a.Text)}
			}
			return []string{says(before), `{"choices":[{"index":0,"delta":{"content":"` + at[:2] + `"}}]}`, `{"choices":[{"index":0,"delta":{"content":"` + at[2:] + `"}}]}`, says(behind)}
		})},
		{Name: "control-characters", About: "a bare tab in a text", Text: func(text string) string { return text[:1] + "\t" + text[1:] }, Serve: stream(func(a Answer) []string {
			return []string{says(a.Text[:1]), delta("\"content\":\"\t\""), says(a.Text[1:])}
		})},
	}
}

// openAIRefusals are refusals and other answers without a usable text.
func openAIRefusals() []Shape {
	return []Shape{
		{Name: "refusal", About: "a refusal in place of content", Text: func(string) string { return "I cannot help with that." }, Serve: stream(func(Answer) []string {
			return []string{delta(`"content":null,"refusal":"I cannot help "`), delta(`"refusal":"with that."`)}
		})},
		{Name: "tool-calls", About: "calls of tools in place of content", Class: providers.ClassBadOutput, Serve: sends(func(a Answer) string {
			return sse("\n\n", delta(`"content":null,"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]`), delta(`"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]`), stops("tool_calls"), counts(a), doneEvent)
		})},
		{Name: "white-space", About: "an answer of white space", Class: providers.ClassBadOutput, Serve: stream(func(Answer) []string { return []string{says(" \n")} })},
		{Name: "nested-content", About: "content nested ten thousand deep", Class: providers.ClassBadOutput, Serve: stream(func(Answer) []string {
			const deep = 9000
			return []string{delta(`"content":` + strings.Repeat(`{"content":`, deep) + `1` + strings.Repeat(`}`, deep))}
		})},
	}
}

// escaped returns text as a JSON string of ASCII.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range quote(text) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
