package api

import (
	"net/http"

	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// answerErrors answers errors and panics as problems.
func (s *server) answerErrors(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := httpx.Recover(func() error { return next(w, r) }); err != nil {
			s.answer(w, r, err)
		}
		return nil
	}
}

// answer writes err as a problem, unless the response has begun.
func (s *server) answer(w http.ResponseWriter, r *http.Request, err error) {
	if m := measuredOf(r.Context()); m != nil && m.status != 0 {
		httpx.LogFailure(s.cfg.Log, r, w.Header(), err)
		return
	}
	httpx.WriteProblem(s.cfg.Log, w, r, err)
}

// The errors of the router and of the generated binding.
var (
	errNoSuchPath = tasks.Errorf(tasks.CodeNotFound, "Nothing exists at this path; GET /openapi.yaml lists the paths.")
	errMethod     = tasks.Errorf(tasks.CodeNoMethod, "This path does not support this method; the header Allow lists those it does.")
	errUnreadable = tasks.Errorf(tasks.CodeInvalid, "The request does not have the form that GET /openapi.yaml describes.")
)
