package admin

import (
	"net/http"
	"net/http/pprof"
)

// profilesRoot is where the profiles of the process are, for "go tool pprof".
const profilesRoot = "/debug/pprof/"

// profilePolicy is the Content-Security-Policy of the page that lists them, which has
// inline styles.
const profilePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// profile serves a profile, or the list of them.
func profile(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Security-Policy", profilePolicy)
	switch r.URL.Path {
	case profilesRoot + "profile":
		pprof.Profile(w, r)
	case profilesRoot + "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
	return nil
}
