package shapes

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/topcentral/spillway/providers"
)

// Ollama lists the shapes of Ollama, its copies, and gateways in front of it.
func Ollama() []Shape { return slices.Concat(ollamaAnswers(), ollamaFailures(), Foreign()) }

// line is a piece of an answer; its content is JSON.
func line(content string) string {
	return `{"message":{"role":"assistant","content":` + content + `},"done":false}`
}

// lastLine is the last line of an answer.
func lastLine(a Answer) string {
	return fmt.Sprintf(`{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":%d,"eval_count":%d}`, a.Usage.Input, a.Usage.Output)
}

// ollamaLines are the lines of a whole answer in two pieces.
func ollamaLines(a Answer) []string {
	first, second := halves(a.Text)
	return []string{line(quote(first)), line(quote(second)), lastLine(a)}
}

func ollamaAnswers() []Shape {
	joined := func(end string) func(Exchange) {
		return sends(func(a Answer) string { return strings.Join(ollamaLines(a), end) + end })
	}
	return []Shape{
		{Name: "crlf", About: "lines end in CR LF", Serve: joined("\r\n")},
		{Name: "byte-order-mark", About: "a byte order mark before the first byte", Serve: sends(func(a Answer) string { return "\ufeff" + strings.Join(ollamaLines(a), "\n") })},
		{Name: "blank-lines-first", About: "blank lines before and between lines", Serve: sends(func(a Answer) string { return "\n\n" + strings.Join(ollamaLines(a), "\n\n") })},
		{Name: "no-last-line-end", About: "the last line does not end", Serve: sends(func(a Answer) string { return strings.Join(ollamaLines(a), "\n") })},
		{Name: "whole-answer", About: "one object instead of a stream", Serve: sends(func(a Answer) string {
			return fmt.Sprintf(`{"message":{"content":%s},"done":true,"done_reason":"stop","prompt_eval_count":%d,"eval_count":%d}`, quote(a.Text), a.Usage.Input, a.Usage.Output)
		})},
		{Name: "whole-answer-indented", About: "the same, on several lines", Serve: sends(func(a Answer) string {
			return fmt.Sprintf("{\n\"message\": {\"content\": %s},\n\n\"done\": true,\n\"prompt_eval_count\": %d.0, \"eval_count\": \"%d\"\n}", quote(a.Text), a.Usage.Input, a.Usage.Output)
		})},
		{Name: "as-events", About: "events instead of lines", Serve: sends(func(a Answer) string { return sse("\n\n", ollamaLines(a)...) })},
		{Name: "byte-by-byte", About: "every byte in a packet of its own", Serve: func(x Exchange) {
			for _, b := range []byte(strings.Join(ollamaLines(x.Answer), "\r\n")) {
				flush(x.W, string([]byte{b}))
			}
		}},
		{Name: "mixed-types", About: "numbers as texts, texts as numbers", Serve: sends(func(a Answer) string {
			return `{"model":7,"created_at":null,"message":{"content":` + quote(a.Text) + `,"thinking":null,"tool_calls":{}},"done":"false"}` + "\n" +
				fmt.Sprintf(`{"message":null,"done":"true","done_reason":7,"load_duration":"12","total_duration":{},"prompt_eval_count":%d.0,"eval_count":"%d"}`, a.Usage.Input, a.Usage.Output)
		})},
		{Name: "surrogate-halves", About: "a character as two halves on two lines", Serve: sends(func(a Answer) string {
			before, at, behind, ok := around(a.Text, func(r rune) bool { return r > 0xffff })
			if !ok {
				return strings.Join(ollamaLines(a), "\n")
			}
			high, low := utf16.EncodeRune([]rune(at)[0])
			return strings.Join([]string{line(quote(before)), line(fmt.Sprintf(`"\u%04x"`, high)), line(fmt.Sprintf(`"\u%04x"`, low)), line(quote(behind)), lastLine(a)}, "\n")
		})},
		{Name: "reasoning-field", About: "reasoning in a field of its own", Reasons: true, Serve: sends(func(a Answer) string {
			return `{"message":{"content":"","thinking":` + quote(a.Reasoning) + "}}\n" + strings.Join(ollamaLines(a), "\n")
		})},
		{Name: "think-tags", About: "reasoning in <think> tags that are cut in two", Reasons: true, Serve: sends(func(a Answer) string {
			return strings.Join([]string{line(`"<thi"`), line(quote("nk>\n" + a.Reasoning + "</th")), line(quote("ink>\n\n" + a.Text)), lastLine(a)}, "\n")
		})},
		{Name: "answer-in-reasoning", About: "the answer in thinking, and no content", Serve: sends(func(a Answer) string {
			return `{"message":{"content":"","thinking":` + quote(a.Text) + "}}\n" + lastLine(a)
		})},
		{Name: "error-that-is-none", About: "an error that is empty", Serve: sends(func(a Answer) string {
			return `{"error":"","message":{"content":` + quote(a.Text) + `},"done":false}` + "\n" + lastLine(a)
		})},
		{Name: "finish-length", About: "an answer that the output limit has cut off", Truncated: true, Text: func(text string) string { first, _ := halves(text); return first }, Serve: sends(func(a Answer) string {
			return ollamaLines(a)[0] + "\n" + strings.Replace(lastLine(a), `"stop"`, `"length"`, 1)
		})},
		{Name: "no-usage", About: "no usage at all", Uncounted: true, Serve: sends(func(a Answer) string { return line(quote(a.Text)) + "\n{\"done\":true}\n" })},
		{Name: "after-done", About: "an error and other data behind the last line", Serve: sends(func(a Answer) string {
			return strings.Join(ollamaLines(a), "\n") + "\n{\"error\":\"too late\"}\ngarbage\n"
		})},
		{Name: "hang-after-done", About: "the connection stays open behind the last line", Serve: func(x Exchange) {
			flush(x.W, strings.Join(ollamaLines(x.Answer), "\n")+"\n")
			hold(x)
		}},
		{Name: "reset-after-done", About: "the connection breaks behind the last line", Serve: func(x Exchange) {
			flush(x.W, strings.Join(ollamaLines(x.Answer), "\n")+"\n")
			reset()
		}},
		{Name: "content-type-html", About: "the content type says text/html, and it is none", Serve: answers(200, map[string][]string{"Content-Type": {"text/html"}}, func(a Answer) string { return strings.Join(ollamaLines(a), "\n") })},
	}
}

func ollamaFailures() []Shape {
	half := func(a Answer) string { return ollamaLines(a)[0] + "\n" }
	return []Shape{
		{Name: "early-end", About: "half an answer, and an end in good order", Class: providers.ClassTransport, Serve: sends(half)},
		{Name: "empty-200", About: "status 200 and nothing else", Class: providers.ClassTransport, Serve: fails(200, "")},
		{Name: "cut-line", About: "an end in the middle of a line", Class: providers.ClassTransport, Serve: sends(func(a Answer) string { return half(a) + strings.TrimSuffix(lastLine(a), "}") })},
		{Name: "reset-in-the-middle", About: "half an answer, and the connection breaks", Class: providers.ClassTransport, Serve: func(x Exchange) {
			flush(x.W, half(x.Answer))
			reset()
		}},
		{Name: "done-reason-error", About: "done reason error", Class: providers.ClassServer, Serve: sends(func(a Answer) string { return half(a) + `{"done":true,"done_reason":"error"}` })},
		{Name: "error-after-piece", About: "an error behind a piece", Class: providers.ClassServer, Says: "while running", Serve: sends(func(a Answer) string { return half(a) + `{"error":"an error was encountered while running the model"}` })},
		{Name: "error-json-in-text", About: "an error with a status of its own, as a text with JSON in it", Class: providers.ClassRateLimited, Serve: fails(200, `{"error":"{\"error\":{\"code\":429,\"message\":\"slow down\"}}"}`)},
		{Name: "words-balance-zh", About: "a gateway's account without money", Class: providers.ClassQuotaDead, Serve: fails(403, `{"error":{"message":"账户余额不足"}}`)},
		{Name: "tensor-not-found", About: "a broken model file: not one that is missing", Class: providers.ClassServer, Says: "tensor", Serve: fails(500, `{"error":"llama runner process has terminated: error loading model: tensor output.weight not found"}`)},
		{Name: "tool-calls", About: "calls of tools in place of content", Class: providers.ClassBadOutput, Serve: sends(func(a Answer) string {
			return `{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}}` + "\n" + lastLine(a)
		})},
		{Name: "plain-text", About: "a plain text behind status 200", Class: providers.ClassServer, Says: "is it Ollama?", Serve: fails(200, "no healthy upstream")},
		{Name: "openai-events", About: "a stream of another API (OpenAI)", Class: providers.ClassServer, Says: "is it Ollama?", Serve: sends(func(a Answer) string { return sse("\n\n", pieces(a)[:4]...) })},
		{Name: "hanging-error-body", About: "a 500 whose body never ends", Class: providers.ClassServer, Serve: func(x Exchange) {
			x.W.WriteHeader(500)
			flush(x.W, `{"error":"`)
			hold(x)
		}},
		{Name: "list-odd-types", About: "a list of models with details in other types", List: func(models ...string) string {
			var all []string
			for _, m := range models {
				all = append(all, `{"model":"`+m+`","size":"7","modified_at":7,"details":{"families":null,"family":7}}`)
			}
			return `{"models":[` + strings.Join(all, ",") + `]}`
		}},
		{Name: "list-details-null", About: "a list of models without details", List: func(models ...string) string {
			var all []string
			for _, m := range models {
				all = append(all, `{"name":"`+m+`","details":null}`)
			}
			return "\ufeff{\"models\":[" + strings.Join(all, ",") + "]}"
		}},
	}
}
