package telemetry_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/telemetry"
)

// Logs are exported as they are written: at the same level, without secrets, and with
// the same resource as spans.
func TestLogsAreExported(t *testing.T) {
	var mu sync.Mutex
	var got strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		req := &collector.ExportLogsServiceRequest{}
		if err != nil || r.URL.Path != "/v1/logs" || proto.Unmarshal(body, req) != nil {
			t.Errorf("%s: not a request of OTLP: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		got.WriteString(req.String())
	}))
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_SERVICE_NAME", "ours")
	var written bytes.Buffer
	x, err := telemetry.Start(t.Context(), config.OTLP{Logs: config.OverHTTP}, slog.New(slog.NewTextHandler(&written, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if x.Tracer != nil {
		t.Error("spans are exported though nobody asked")
	}
	x.Log.With("redis", "redis://:hunter2@host:6379").Info("it began", "url", "https://user:hunter3@host/")
	x.Log.Debug("a detail")
	if err := x.Stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"it began", `"ours"`, "service.instance.id", "@host:6379"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %s in %s", want, got.String())
		}
	}
	for _, never := range []string{"hunter2", "hunter3", "a detail"} {
		if strings.Contains(got.String(), never) {
			t.Errorf("%s is in %s", never, got.String())
		}
	}
	if !strings.Contains(written.String(), "it began") {
		t.Error("the log itself lacks the line")
	}
}

func TestNothingIsExportedByDefault(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	x, err := telemetry.Start(t.Context(), config.OTLP{}, log)
	if err != nil || x.Tracer != nil || x.Log != log || x.Stop() != nil {
		t.Errorf("got %+v, %v", x, err)
	}
}
