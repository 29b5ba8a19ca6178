package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An answer that no model has written, and so no piece of it was in the stream, is
// printed all the same; one that was is printed once.
func TestWatchPrintsTheAnswer(t *testing.T) {
	const id = "job_019a8f3e5c7d7a4b9c1d2e3f40516273"
	for _, test := range []struct {
		name   string
		events []string // type and data
		want   string   // the last line
		times  int      // that the summary is printed
	}{
		{"the scorecard's, after a model was cut off", []string{
			`job.delta {"text":"{\"summ"}`, `job.succeeded {"degraded":true}`}, "}", 1},
		{"of the cache", []string{`job.succeeded {"degraded":false,"answered_by":"cache"}`}, "}", 1},
		{"a model's", []string{`job.delta {"text":"{\"summary\": \"fine\"}"}`, `job.succeeded {"degraded":false}`}, `{"degraded":false}`, 1},
		{"none", []string{`job.failed {"code":"deadline_exceeded"}`}, `{"code":"deadline_exceeded"}`, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "/events"):
					result := ""
					if test.times > 0 {
						result = `,"result":{"summary": "fine"}`
					}
					fmt.Fprintf(w, `{"id":"%s"%s}`, id, result)
				case r.URL.Query().Get("starting_after") != "0":
					w.WriteHeader(http.StatusNoContent)
				default:
					for i, e := range test.events {
						typ, data, _ := strings.Cut(e, " ")
						fmt.Fprintf(w, "data: {\"sequence_number\":%d,\"type\":%q,\"at\":\"2026-11-21T09:00:00Z\",\"data\":%s}\n\n", i+1, typ, data)
					}
				}
			}))
			defer server.Close()
			out := strings.TrimSpace(must(t, "", "watch", id, "--server", server.URL))
			lines := strings.Split(out, "\n")
			if last := lines[len(lines)-1]; !strings.HasSuffix(last, test.want) || strings.Count(out, `"summary": "fine"`) != test.times {
				t.Errorf("got\n%s\nwant a last line of %s, and the answer %d times", out, test.want, test.times)
			}
		})
	}
}
