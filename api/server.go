package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/topcentral/spillway/api/docs"
	"github.com/topcentral/spillway/api/internal/spec"
)

// server answers the operations of the contract.
type server struct {
	life     context.Context // event streams and long polls end with it
	cfg      Config
	jobs     Jobs
	webhooks Webhooks // nil: none are sent
	events   Events
	agents   func() []AgentDefinition
	health   func(context.Context) Health
	contract *contract
	docs     map[string]docs.File // the pages that show the contract, by name
	slots    *slots
	metrics  *metrics
}

var _ spec.StrictServerInterface = (*server)(nil)

// New returns the handler of the HTTP API. When life ends, event streams and
// long polls end promptly, while other requests are answered as usual: end it
// when the HTTP server starts to shut down.
func New(life context.Context, cfg Config, deps Deps) (http.Handler, error) {
	s, err := newServer(life, cfg, deps)
	if err != nil {
		return nil, err
	}
	router, err := s.router()
	if err != nil {
		return nil, err
	}
	return unstacked(s.receive(router)), nil
}

func newServer(life context.Context, cfg Config, deps Deps) (*server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	contract, err := readContract(openapiYAML)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	pages, err := docs.Files()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &server{
		life:     life,
		cfg:      cfg,
		jobs:     bounded{deps.Jobs, cfg.RequestTimeout},
		webhooks: deps.Webhooks,
		events:   deps.Events,
		agents:   deps.Agents,
		health:   deps.Health,
		contract: contract,
		docs:     pages,
		slots:    newSlots(cfg.MaxStreams),
		metrics:  newMetrics(cfg.Metrics, cfg.MaxStreams),
	}, nil
}

// router returns an Echo that knows every operation of the contract, and nothing
// else.
func (s *server) router() (*echo.Echo, error) {
	e := echo.New()
	// Without this, any client can choose its own address with a header.
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.handleError
	e.Pre(asDescribed(s.contract.operations))
	e.Use(recoverPanics)

	gates := make(map[string][]echo.MiddlewareFunc)
	for _, op := range s.contract.operations {
		passed := s.gatesOf(op)
		gates[op.id] = append(gates[op.id], named(op))
		if op.isAudited() {
			gates[op.id] = append(gates[op.id], s.recorded(op))
			passed = append(passed, s.limited(s.cfg.Guard.Confirm), place)
		}
		gates[op.id] = append(gates[op.id], through(passed))
	}
	handler := spec.NewStrictHandler(s, []spec.StrictMiddlewareFunc{s.inTime})
	spec.RegisterHandlersWithOptions(headToo{e}, handler, spec.RegisterHandlersOptions{OperationMiddlewares: gates})
	return e, checkRoutes(e.Routes(), s.contract.operations)
}

// lasting are the operations whose caller may want to wait, or asks for much at
// once; they limit the time of their single steps.
var lasting = []string{"SubmitJob", "SubmitBatch", "GetJob", "GetJobResult", "StreamJobEvents", "RerunJobs"}

// inTime limits the time of every other operation.
func (s *server) inTime(next spec.StrictHandlerFunc, operation string) spec.StrictHandlerFunc {
	if slices.Contains(lasting, operation) {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		r := c.Request()
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		c.SetRequest(r.WithContext(ctx))
		defer c.SetRequest(r) // what follows must not take the caller for gone
		return next(c, request)
	}
}

// headToo answers HEAD wherever it answers GET.
type headToo struct{ *echo.Echo }

func (h headToo) GET(path string, f echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	h.HEAD(path, f, m...)
	return h.Echo.GET(path, f, m...)
}

// through lets a request pass the gates before it reaches its handler.
func through(gates []gate) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for _, pass := range gates {
				r, err := pass(c.Response(), c.Request())
				if err != nil {
					return err
				}
				c.SetRequest(r)
			}
			return next(c)
		}
	}
}

// recoverPanics makes an error of a panic, so that the caller gets a problem.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		return Recovered(func() error { return next(c) })
	}
}

// Recovered runs a handler, and makes an error of a panic in it, with its stack.
// Only http.ErrAbortHandler goes on: it is net/http's own way to drop a connection.
func Recovered(handle func() error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = panicked(p)
		}
	}()
	return handle()
}

// panicked makes an error of the value of a panic, with the stack on which it is
// called.
func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// handleError writes err as a problem, unless the response has begun.
func (s *server) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		s.logFailure(c.Request(), c.Response().Header(), err)
		return
	}
	s.fail(c.Response(), c.Request(), fromEcho(err))
}

// fromEcho translates an error of the router or of the generated binding.
func fromEcho(err error) error {
	he, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return err
	}
	switch he.Code {
	case http.StatusNotFound:
		return errNoSuchPath
	case http.StatusMethodNotAllowed:
		return errMethod
	case http.StatusBadRequest:
		return errUnreadable.WithCause(err)
	default:
		return err
	}
}
