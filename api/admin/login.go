package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/console"
	"github.com/topcentral/spillway/tasks"
)

const (
	// maxForm is the size of the largest form in bytes; a token has a few thousand.
	maxForm = 32 << 10
	// formTime is how long a form may take to arrive.
	formTime = 10 * time.Second
)

// withForm reads the form of a request before h. A request without a readable form is
// not recorded: anyone could send any number of them.
func withForm(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		// A server that cannot set deadlines has its own, so the errors do not matter.
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Now().Add(formTime))
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return tasks.Errorf(tasks.CodeInvalid, "The form cannot be parsed.").WithCause(err)
		}
		_ = rc.SetReadDeadline(time.Time{})
		return h(w, r)
	}
}

// loginAt returns the URL of the login page that leads back to a path.
func loginAt(path string) string { return "/login?" + url.Values{"next": {path}}.Encode() }

// local returns path if it is on this server, and otherwise "/".
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// loginPage shows the login page.
func (s *server) loginPage(w http.ResponseWriter, r *http.Request) error {
	if !s.Login {
		return nothing(w, r)
	}
	return s.showLogin(w, http.StatusOK, r.URL.Query().Get("next"), "")
}

func (s *server) showLogin(w http.ResponseWriter, status int, next, fault string) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	return s.pages.ExecuteTemplate(w, "login.html", struct{ Next, Fault string }{local(next), fault})
}

// login begins a session. A refusal gives no details.
func (s *server) login(w http.ResponseWriter, r *http.Request) error {
	if !s.Login {
		return nothing(w, r)
	}
	next := r.PostForm.Get("next")
	who, err := s.Guard.Login(w, r, r.PostForm.Get("credential"), audit.Reserve, access.AdminRead)
	if err != nil {
		return s.refuseLogin(w, r, next, err)
	}
	audit.SetPrincipal(r.Context(), who)
	http.Redirect(w, r, local(next), http.StatusSeeOther) //nolint:gosec // local returns only paths on this server
	return nil
}

// refuseLogin shows the login page again.
func (s *server) refuseLogin(w http.ResponseWriter, r *http.Request, next string, err error) error {
	if held := audit.ResponseOf(r.Context()); held != nil {
		held.SetError(err)
	}
	switch tasks.CodeOf(err) {
	case tasks.CodeNoCredential, tasks.CodeForbidden:
		return s.showLogin(w, http.StatusForbidden, next, "Login failed. Use a valid API key or token with the scope admin:read.")
	case tasks.CodeRateLimited:
		if e, ok := errors.AsType[*tasks.Error](err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter()/time.Second)+1))
		}
		return s.showLogin(w, http.StatusTooManyRequests, next, "Too many attempts from your address; try again in a minute.")
	}
	return err
}

// logout ends the session.
func (s *server) logout(w http.ResponseWriter, r *http.Request) error {
	if !s.Login {
		return nothing(w, r)
	}
	admitted, err := s.admit(w, r, access.AdminRead)
	switch {
	case err == nil:
		r = admitted
	case tasks.CodeOf(err) == tasks.CodeRateLimited: // otherwise anyone could fill the audit log
		return err
	}
	if err := audit.Reserve(r.Context()); err != nil {
		return err
	}
	if err := s.Guard.Logout(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// home shows the start page.
func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p, root := access.From(r.Context()), ""
	if s.Console != nil {
		root = console.Root
	}
	return s.pages.ExecuteTemplate(w, "home.html", struct {
		Who, Tenant, Dashboard, Console string
		Login, Write                    bool
	}{p.Subject, p.Tenant, dashboardRoot + "/", root, s.Login, p.Can(access.AdminWrite)})
}

func (s *server) style(w http.ResponseWriter, r *http.Request) error {
	http.ServeFileFS(w, r, pages, "pages/admin.css")
	return nil
}
