package app

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// sink is an OpenTelemetry collector that keeps spans.
type sink struct {
	collector.UnimplementedTraceServiceServer

	mu    sync.Mutex
	spans []*tracev1.Span
}

// Export implements collector.TraceServiceServer.
func (s *sink) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range req.GetResourceSpans() {
		for _, scope := range r.GetScopeSpans() {
			s.spans = append(s.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// serve serves the sink over a protocol and returns where.
func (s *sink) serve(t *testing.T, over config.Protocol) string {
	t.Helper()
	if over == config.OverHTTP {
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			req := &collector.ExportTraceServiceRequest{}
			if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, req) != nil {
				t.Errorf("%s: not a request of OTLP: %v", r.URL.Path, err)
				return
			}
			_, _ = s.Export(r.Context(), req)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return "http://" + listener.Addr().String()
}

// TestOneTraceOfARun follows a job through spans as a collector gets them, over both
// protocols: the request of a caller, the ticket, the attempt with a call that fails
// and one that answers, and the webhook.
func TestOneTraceOfARun(t *testing.T) {
	for _, over := range []config.Protocol{config.OverHTTP, config.OverGRPC} {
		t.Run(string(over), func(t *testing.T) {
			s := &sink{}
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.serve(t, over))
			runTraced(t, over)
			s.check(t)
		})
	}
}

// runTraced runs a job whose first call fails, and stops.
func runTraced(t *testing.T, over config.Protocol) {
	t.Helper()
	called := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.Header.Get("traceparent") }))
	defer receiver.Close()
	failed := false
	models := httptest.NewServer(mockllm.New(mockllm.Config{Seed: 1, Direct: func(mockllm.Ask) (mockllm.Act, bool) {
		first := !failed
		failed = true
		return mockllm.Act{Fault: mockllm.ServerError}, first
	}}))
	defer models.Close()
	cfg := settings(t, "redis://"+miniredis.RunT(t).Addr())
	cfg.OTLP = config.OTLP{Traces: over}
	cfg.OllamaURL = models.URL + mockllm.Path(mockllm.Ollama)
	cfg.WebhookSecret = []webhook.Secret{webhook.NewSecret()}
	cfg.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	all, err := New(t.Context(), cfg, redisconn.Worker, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(t.Context())
	handler, err := all.handler(life)
	if err != nil {
		t.Fatal(err)
	}
	work, err := all.work([]tasks.Lane{tasks.Local})
	if err != nil {
		t.Fatal(err)
	}
	answered, _ := submitTraced(t, handler, receiver.URL)
	inCallersTrace(t, "answer", answered)
	var worker sync.WaitGroup
	worker.Go(func() {
		if err := work(life, func() {}); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	inCallersTrace(t, "webhook", receive(t, called))
	end()
	worker.Wait()
	all.Stop() // exports what is left
}

// check wants the spans of one run.
func (s *sink) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	byName := map[string][]*tracev1.Span{}
	for _, span := range s.spans {
		if got := hex.EncodeToString(span.GetTraceId()); got != callersTrace {
			t.Errorf("span %s is in trace %s", span.GetName(), got)
		}
		name, _, _ := strings.Cut(span.GetName(), " ")
		byName[name] = append(byName[name], span)
	}
	for name, want := range map[string]int{"POST": 1, "ticket": 1, "attempt": 1, "chat": 2, "webhook": 1} {
		if n := len(byName[name]); n != want {
			t.Fatalf("%d spans %s, want %d, of %v", n, name, want, s.spans)
		}
	}
	parents := func(child, parent string) {
		t.Helper()
		for _, span := range byName[child] {
			if !slices.Equal(span.GetParentSpanId(), byName[parent][0].GetSpanId()) {
				t.Errorf("the parent of %s is not %s", child, parent)
			}
		}
	}
	if got := hex.EncodeToString(byName["POST"][0].GetParentSpanId()); got != callersSpan {
		t.Errorf("the parent of the request is %s, want the caller's span", got)
	}
	parents("ticket", "POST")
	parents("attempt", "ticket")
	parents("chat", "attempt")
	parents("webhook", "POST")
	if byName["POST"][0].GetName() != "POST /jobs" {
		t.Errorf("the request is called %q", byName["POST"][0].GetName())
	}
	has := func(span *tracev1.Span, key string) bool {
		return slices.ContainsFunc(span.GetAttributes(), func(kv *common.KeyValue) bool { return kv.GetKey() == key })
	}
	failed := 0
	for _, call := range byName["chat"] {
		if !has(call, "gen_ai.request.model") || !has(call, "gen_ai.provider.name") {
			t.Errorf("the call lacks attributes: %v", call.GetAttributes())
		}
		if call.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR && has(call, "error.type") {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d calls have failed, want 1", failed)
	}
}
