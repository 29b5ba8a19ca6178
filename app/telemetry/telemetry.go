// Package telemetry exports spans, and logs if asked, to an OpenTelemetry collector
// over OTLP.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/google/uuid"

	"github.com/topcentral/spillway/app/buildinfo"
	"github.com/topcentral/spillway/app/config"
)

const (
	// scope is the name of the instrumentation.
	scope = "github.com/topcentral/spillway"
	// stopTime is how long spans and logs that are not exported yet may take at the end.
	stopTime = 5 * time.Second
	// quiet is how long failures of the exporters are not logged after one was.
	quiet = time.Minute
)

// Telemetry is what a process exports.
type Telemetry struct {
	Tracer trace.Tracer // nil: no spans are exported
	Log    *slog.Logger // the log it was given, which is exported as well if asked

	stops []func(context.Context) error
}

// Start begins to export what cfg asks for. Collectors that are unreachable are
// logged once a minute, and hold up nothing: what does not fit into the queues of
// the exporters is dropped.
func Start(ctx context.Context, cfg config.OTLP, log *slog.Logger) (*Telemetry, error) {
	t := &Telemetry{Log: log}
	if cfg == (config.OTLP{}) {
		return t, nil
	}
	otel.SetErrorHandler(failures(log))
	about, err := about(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Traces != "" {
		if err := t.exportTraces(ctx, cfg.Traces, about); err != nil {
			return nil, errors.Join(err, t.Stop())
		}
	}
	if cfg.Logs != "" {
		if err := t.exportLogs(ctx, cfg.Logs, about); err != nil {
			return nil, errors.Join(err, t.Stop())
		}
	}
	log.Info("exporting to an OpenTelemetry collector", "traces", cfg.Traces, "logs", cfg.Logs)
	return t, nil
}

// Stop exports what is left and ends.
func (t *Telemetry) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var errs []error
	for _, stop := range t.stops {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}

// about describes the process. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come
// last, and so have the last word.
func about(ctx context.Context) (*resource.Resource, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		semconv.ServiceName("spillway"), semconv.ServiceVersion(buildinfo.Read().Version),
		semconv.ServiceInstanceID(uuid.NewString()), semconv.HostName(host),
	), resource.WithFromEnv())
}

func (t *Telemetry) exportTraces(ctx context.Context, over config.Protocol, about *resource.Resource) (err error) {
	var exporter sdktrace.SpanExporter
	if over == config.OverGRPC {
		exporter, err = otlptracegrpc.New(ctx)
	} else {
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	t.Tracer = provider.Tracer(scope)
	t.stops = append(t.stops, provider.Shutdown)
	return nil
}

func (t *Telemetry) exportLogs(ctx context.Context, over config.Protocol, about *resource.Resource) (err error) {
	var exporter sdklog.Exporter
	if over == config.OverGRPC {
		exporter, err = otlploggrpc.New(ctx)
	} else {
		exporter, err = otlploghttp.New(ctx)
	}
	if err != nil {
		return err
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(about))
	bridge := otelslog.NewHandler(scope, otelslog.WithLoggerProvider(provider))
	t.Log = slog.New(slog.NewMultiHandler(t.Log.Handler(), config.Redacted(leveled{bridge, t.Log.Handler()})))
	t.stops = append(t.stops, provider.Shutdown)
	return nil
}

// leveled is a handler of what another handler's level lets through.
type leveled struct {
	slog.Handler

	like slog.Handler
}

// Enabled implements slog.Handler.
func (l leveled) Enabled(ctx context.Context, level slog.Level) bool {
	return l.like.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (l leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{l.Handler.WithAttrs(attrs), l.like}
}

// WithGroup implements slog.Handler.
func (l leveled) WithGroup(name string) slog.Handler {
	return leveled{l.Handler.WithGroup(name), l.like}
}

// failures logs what the exporters could not do, but not each time.
func failures(log *slog.Logger) otel.ErrorHandler {
	var last atomic.Int64
	return otel.ErrorHandlerFunc(func(err error) {
		now := time.Now().UnixNano()
		before := last.Load()
		if time.Duration(now-before) < quiet || !last.CompareAndSwap(before, now) {
			return
		}
		log.Warn("spans or logs could not be exported; check OTEL_EXPORTER_OTLP_ENDPOINT and the collector", "error", err)
	})
}
