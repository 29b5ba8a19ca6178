package config

import "testing"

func TestReadOTLP(t *testing.T) {
	const endpoint, protocol = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
	for _, c := range []struct {
		name string
		env  map[string]string
		want OTLP
		bad  string // the variable at fault
	}{
		{"nothing", nil, OTLP{}, ""},
		{"an endpoint", map[string]string{endpoint: "http://c:4318"}, OTLP{Traces: OverHTTP}, ""},
		{"an endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, OTLP{Traces: OverHTTP}, ""},
		{"logs, too", map[string]string{endpoint: "http://c:4317", protocol: "grpc", "OTEL_LOGS_EXPORTER": "otlp"}, OTLP{OverGRPC, OverGRPC}, ""},
		{"logs alone", map[string]string{endpoint: "http://c:4318", "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "otlp"}, OTLP{Logs: OverHTTP}, ""},
		{"a protocol of traces", map[string]string{endpoint: "http://c:4317", protocol: "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, OTLP{Traces: OverGRPC}, ""},
		{"disabled", map[string]string{endpoint: "http://c:4318", "OTEL_SDK_DISABLED": "true"}, OTLP{}, ""},
		{"another exporter", map[string]string{"OTEL_TRACES_EXPORTER": "jaeger"}, OTLP{}, "OTEL_TRACES_EXPORTER"},
		{"another protocol", map[string]string{endpoint: "http://c:4318", protocol: "http/json"}, OTLP{}, protocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			got, faults := readOTLP()
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if (len(faults) > 0) != (c.bad != "") || len(faults) > 0 && faults[0].setting != c.bad {
				t.Errorf("got faults %v, want one of %q", faults, c.bad)
			}
		})
	}
}
