package api

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
)

// Config has the limits of the API, and what it shares with the rest of the program.
// The zero value of each field means its default.
type Config struct {
	// MaxBody is the largest request body in bytes. Default 1 MiB.
	MaxBody int64 `split_words:"true"`
	// MaxWait caps "Prefer: wait=N". Default, and at most, 55 s: the contract says so.
	MaxWait time.Duration `split_words:"true"`
	// MaxStreams bounds the event streams and long polls that are open at once. A tenant
	// gets no more of them than are left for the others, so half if it is alone. A
	// stream beyond that is refused, a long poll is answered at once. Default 1000.
	MaxStreams int `split_words:"true"`
	// Heartbeat is the time between comments on an event stream, which keep proxies from
	// closing it. Default 15 s.
	Heartbeat time.Duration
	// WriteTimeout is the time a client has to take one event. Default 10 s.
	WriteTimeout time.Duration `split_words:"true"`
	// RequestTimeout is the time a body may take to arrive, and the time each
	// call to [Jobs] or to the health check may take. Default 10 s.
	RequestTimeout time.Duration `split_words:"true"`

	// Guard authenticates and admits callers before the body is read. Default: everyone
	// may do everything, as access.DefaultTenant.
	Guard *access.Guard `ignored:"true"`
	// Audit records who changed what. Default: nothing is recorded.
	Audit *audit.Log `ignored:"true"`
	// Log gets the causes that callers do not see. Default: discarded.
	Log *slog.Logger `ignored:"true"`
	// Metrics is where the metrics of requests are registered; New panics if those of
	// another handler are. Default: nowhere.
	Metrics prometheus.Registerer `ignored:"true"`
	// Tracer begins a span for each request. Default: none is recorded, and a trace that
	// begins here is not sampled.
	Tracer trace.Tracer `ignored:"true"`
}

// maxWait is the longest wait that the contract promises. Most proxies give up on an
// answer after 60 s.
const maxWait = 55 * time.Second

// Validate reports every setting that is invalid.
func (c Config) Validate() error {
	var errs []error
	negative := func(name string, bad bool) {
		if bad {
			errs = append(errs, fmt.Errorf("%s must not be negative", name))
		}
	}
	negative("MaxBody", c.MaxBody < 0)
	negative("MaxWait", c.MaxWait < 0)
	negative("MaxStreams", c.MaxStreams < 0)
	negative("Heartbeat", c.Heartbeat < 0)
	negative("WriteTimeout", c.WriteTimeout < 0)
	negative("RequestTimeout", c.RequestTimeout < 0)
	if c.MaxWait > maxWait {
		errs = append(errs, fmt.Errorf("MaxWait must be at most %v, as the contract promises", maxWait))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orDefault(&c.MaxBody, 1<<20)
	orDefault(&c.MaxWait, maxWait)
	orDefault(&c.MaxStreams, 1000)
	orDefault(&c.Heartbeat, 15*time.Second)
	orDefault(&c.WriteTimeout, 10*time.Second)
	orDefault(&c.RequestTimeout, 10*time.Second)
	if c.Guard == nil {
		c.Guard = access.New(access.Config{})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
