package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"
)

// OTLP says what is exported to an OpenTelemetry collector, and by which protocol.
// It is read from the variables of OpenTelemetry's specification
// (opentelemetry.io/docs/specs/otel/protocol/exporter), most of which the exporters
// read themselves: endpoint, headers, certificates, time limits, sampler, resource.
type OTLP struct {
	Traces Protocol // "": none are exported
	Logs   Protocol
}

// OTLPVariables lists OpenTelemetry's variables that containers are given. Others that
// its exporters read, such as certificates, need a file or are rare.
func OTLPVariables() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_RESOURCE_ATTRIBUTES",
	}
}

// Protocol is a transport of OTLP.
type Protocol string

// The protocols.
const (
	OverHTTP Protocol = "http/protobuf"
	OverGRPC Protocol = "grpc"
)

// readOTLP reads the variables. Traces are exported when an endpoint is named, logs
// only when OTEL_LOGS_EXPORTER asks for them.
func readOTLP() (o OTLP, faults []settingFault) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return o, nil
	}
	for _, s := range []struct {
		signal   string
		protocol *Protocol
		usual    string // exporter where an endpoint is named
	}{{"TRACES", &o.Traces, "otlp"}, {"LOGS", &o.Logs, "none"}} {
		exporter, usual := "OTEL_"+s.signal+"_EXPORTER", "none"
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+s.signal+"_ENDPOINT") != "" {
			usual = s.usual
		}
		switch value := cmp.Or(strings.TrimSpace(os.Getenv(exporter)), usual); value {
		case "none":
			continue
		case "otlp":
		default:
			faults = append(faults, settingFault{exporter, fmt.Sprintf("want otlp or none, not %q", value)})
			continue
		}
		name := "OTEL_EXPORTER_OTLP_" + s.signal + "_PROTOCOL"
		if os.Getenv(name) == "" {
			name = "OTEL_EXPORTER_OTLP_PROTOCOL"
		}
		switch p := cmp.Or(Protocol(strings.TrimSpace(os.Getenv(name))), OverHTTP); p {
		case OverHTTP, OverGRPC:
			*s.protocol = p
		default:
			faults = append(faults, settingFault{name, fmt.Sprintf("want %s or %s, not %q", OverHTTP, OverGRPC, p)})
		}
	}
	return o, faults
}
