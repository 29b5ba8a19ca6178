package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
)

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
	return httpx.Detached(s.pipeline(route(router))), nil
}

// router returns an Echo that has exactly the operations of the contract.
func (s *server) router() (*echo.Echo, error) {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // by default a client can choose its own address with a header
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if returned, ok := c.Request().Context().Value(routeErrorKey{}).(*error); ok {
			*returned = fromEcho(err)
		}
	}
	e.JSONSerializer = bodyDecoder{}
	spec.RegisterHandlers(headToo{e}, spec.NewStrictHandler(s, nil))
	return e, s.contract.CheckRoutes(routesOf(e))
}

type routeErrorKey struct{}

// route returns the handler that routes requests, with the error that their
// handlers returned.
func route(e *echo.Echo) handler {
	return func(w http.ResponseWriter, r *http.Request) (err error) {
		e.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeErrorKey{}, &err)))
		return err
	}
}

func routesOf(e *echo.Echo) (routes []contract.Route) {
	for _, r := range e.Routes() {
		if r.Method != echo.RouteNotFound {
			routes = append(routes, contract.Route{Method: r.Method, Path: r.Path})
		}
	}
	return routes
}

// headToo answers HEAD wherever it answers GET.
type headToo struct{ *echo.Echo }

func (h headToo) GET(path string, f echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	h.HEAD(path, f, m...)
	return h.Echo.GET(path, f, m...)
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
