package openai_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/sashabaranov/go-openai"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/breaker"
	"github.com/topcentral/spillway/providers/openai"
)

// BenchmarkProviderPath compares two ways to get the same streamed answer from
// the same server, one call at a time: the router with its breaker, time limits
// and checks, and go-openai alone. It reports what the first adds, at the median
// and at the 99th percentile. They take turns, so that both meet the same noise.
func BenchmarkProviderPath(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(answer))
	defer server.Close()
	messages := []providers.Message{
		{Role: providers.System, Content: strings.Repeat("你是资深销售分析师。", 60)},
		{Role: providers.User, Content: strings.Repeat("客户上次沟通时提到预算已经批复, next step: quotation. ", 60)},
	}
	bare, routed := bareCall(server, messages), routedCall(server, messages)
	var without, with []time.Duration
	for b.Loop() {
		without = append(without, timed(b, bare))
		with = append(with, timed(b, routed))
	}
	for _, p := range []float64{50, 99} {
		was, is := percentile(without, p), percentile(with, p)
		b.ReportMetric(float64((is - was).Microseconds()), fmt.Sprintf("added-p%.0f-µs", p))
		b.ReportMetric(float64(was.Microseconds()), fmt.Sprintf("bare-p%.0f-µs", p))
	}
}

// answer streams 40 pieces of one JSON object.
func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	piece := func(text, reason string) {
		content, _ := json.Marshal(text)
		_, _ = fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":%s}]}\n\n", content, reason)
	}
	piece(`{"score":80,"reasons":"`, "null")
	for range 38 {
		piece("预算已经批复。", "null")
	}
	piece(`"}`, `"stop"`)
	_, _ = io.WriteString(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":300}}\n\ndata: [DONE]\n\n")
}

func bareCall(server *httptest.Server, messages []providers.Message) func(*testing.B) error {
	cfg := sdk.DefaultConfig(key)
	cfg.BaseURL, cfg.HTTPClient = server.URL+"/v1", server.Client()
	client := sdk.NewClientWithConfig(cfg)
	req := sdk.ChatCompletionRequest{Model: "m", MaxCompletionTokens: 900, StreamOptions: &sdk.StreamOptions{IncludeUsage: true}}
	for _, m := range messages {
		req.Messages = append(req.Messages, sdk.ChatCompletionMessage{Role: string(m.Role), Content: m.Content})
	}
	return func(b *testing.B) error {
		stream, err := client.CreateChatCompletionStream(b.Context(), req)
		if err != nil {
			return err
		}
		defer func() { _ = stream.Close() }()
		var text strings.Builder
		for {
			part, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if len(part.Choices) > 0 {
				text.WriteString(part.Choices[0].Delta.Content)
			}
		}
	}
}

func routedCall(server *httptest.Server, messages []providers.Message) func(*testing.B) error {
	quiet := slog.New(slog.DiscardHandler)
	p := openai.New(config(server.URL), server.Client())
	p = providers.WithTimeout(providers.WithStallTimeout(p, time.Minute, time.Minute), time.Minute)
	router := providers.NewRouter(quiet, breaker.New(breaker.DefaultConfig(), quiet))
	route := &providers.Route{
		Candidates: []providers.Candidate{{Provider: p, Model: "m"}, {Provider: p, Model: "n"}},
		Request:    providers.Request{Messages: messages, OutputLimit: 900},
		Check:      func(out json.RawMessage) (json.RawMessage, error) { return out, nil },
		OnDelta:    func(providers.Candidate, providers.Delta) {},
		OnAttempt:  func(providers.Attempt) {},
	}
	return func(b *testing.B) error {
		_, err := router.Run(b.Context(), route)
		return err
	}
}

func timed(b *testing.B, call func(*testing.B) error) time.Duration {
	b.Helper()
	began := time.Now()
	if err := call(b); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func percentile(took []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p/100))]
}
