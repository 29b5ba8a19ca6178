package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/api/access"
)

// dashboardRoot is where Asynqmon is.
const dashboardRoot = "/dashboard"

// maxCommand is the size of the largest body of a request of the dashboard, in bytes:
// the IDs of a page of tickets.
const maxCommand = 1 << 20

// dashboard is Asynqmon twice: one that is read-only, and one that can pause queues
// and run or remove tickets. Neither harms jobs: a watchdog gives a job that has lost
// its ticket another.
type dashboard struct{ readOnly, full board }

// board is one of the two, with its page as it is served.
type board struct {
	handler *asynqmon.HTTPHandler
	page    []byte
	policy  string // its Content-Security-Policy
}

// shared provides a client that Asynqmon does not close.
type shared struct{ redis.UniversalClient }

// MakeRedisClient returns the client, as asynq.RedisConnOpt requires.
func (s shared) MakeRedisClient() any { return s.UniversalClient }

func newDashboard(rdb redis.UniversalClient) (*dashboard, error) {
	readOnly, err := newBoard(rdb, true)
	if err != nil {
		return nil, err
	}
	full, err := newBoard(rdb, false)
	if err != nil {
		return nil, err
	}
	return &dashboard{readOnly, full}, nil
}

func newBoard(rdb redis.UniversalClient, readOnly bool) (board, error) {
	h := asynqmon.New(asynqmon.Options{
		RootPath: dashboardRoot, RedisConnOpt: shared{rdb}, ReadOnly: readOnly,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(shownPayload),
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(string, []byte) string { return notShown }),
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, dashboardRoot+"/", http.NoBody))
	page := needless.ReplaceAll(w.Body.Bytes(), nil)
	page = bytes.Replace(page, []byte("</head>"), []byte(withoutRedisPage+"</head>"), 1)
	if w.Code != http.StatusOK || strings.Contains(string(page), `href="http`) || strings.Contains(string(page), `src="http`) {
		return board{}, errors.New("the page of Asynqmon is not as expected: it would fetch something from another host")
	}
	return board{h, page, policyFor(page)}, nil
}

// withoutRedisPage hides the link to Asynqmon's page about Redis, which shows
// nothing where the client is not one that Asynqmon made itself.
const withoutRedisPage = `<style>a[href="` + dashboardRoot + `/redis"]{display:none}</style>`

var (
	// needless are the fonts that the page would fetch from Google, and its manifest,
	// which browsers request without the cookie.
	needless = regexp.MustCompile(`<link [^>]*(?:href="https?://|rel="manifest")[^>]*>`)
	inline   = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

// policyFor returns a policy that allows the scripts in the page, by their hashes, and
// files of this server. The page sets its own styles.
func policyFor(page []byte) string {
	scripts := []string{"'self'"}
	for _, m := range inline.FindAllSubmatch(page, -1) {
		digest := sha256.Sum256(m[1])
		scripts = append(scripts, "'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
	}
	return "default-src 'none'; script-src " + strings.Join(scripts, " ") + "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// board serves the dashboard that the caller may use.
func (s *server) board(w http.ResponseWriter, r *http.Request) error {
	b := s.dashboard.readOnly
	if access.From(r.Context()).Can(access.AdminWrite) {
		b = s.dashboard.full
	}
	w.Header().Set("Content-Security-Policy", b.policy)
	r.Body = http.MaxBytesReader(w, r.Body, maxCommand)
	if isFile(strings.TrimPrefix(r.URL.Path, dashboardRoot+"/")) {
		b.handler.ServeHTTP(w, r)
		return nil
	}
	if mutates(r) {
		return nothing(w, r)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(b.page)
	return err
}

// isFile reports whether a path is one of Asynqmon's files or API calls; every other is
// a view of its page.
func isFile(p string) bool {
	if strings.HasPrefix(p, "api/") || strings.HasPrefix(p, "static/") {
		return true
	}
	switch path.Ext(p) {
	case ".ico", ".png", ".json", ".txt":
		return !strings.Contains(p, "/")
	}
	return false
}

// notShown replaces what the dashboard does not show.
const notShown = "(not shown)"

// shownMembers are the members of payloads that have no customer data.
var shownMembers = []string{"job", "lane", "id", "tenant", "endpoint", "subject", "again", "type", "sequence_number", "at"}

// maxShown is the length of the longest value that is shown, in bytes.
const maxShown = 128

// shownPayload returns the members of a payload that are known to be harmless.
func shownPayload(_ string, payload []byte) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return notShown
	}
	shown := make(map[string]json.RawMessage)
	for _, name := range shownMembers {
		if v, ok := members[name]; ok && len(v) <= maxShown && v[0] != '{' && v[0] != '[' {
			shown[name] = v
		}
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return notShown
	}
	return string(text)
}
