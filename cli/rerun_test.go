package cli

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestRerunWalksTheList(t *testing.T) {
	var asked []string
	api := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, r.Method+" "+r.URL.String()+" "+string(body))
		switch {
		case r.URL.Path == "/jobs/rerun" && !strings.Contains(string(body), "cursor"):
			fmt.Fprint(w, `{"outcomes":[{"job":{"id":"job_2","rerun_of":"job_1","state":"queued"}},{"problem":{"instance":"/jobs/job_3/rerun","detail":"No room."}}],"next_cursor":"c"}`)
		case r.URL.Path == "/jobs/rerun":
			fmt.Fprint(w, `{"outcomes":[{"job":{"id":"job_5","rerun_of":"job_4","state":"queued"}}]}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"data":[{"id":"job_1","agent":"A02","state":"succeeded","answered_by":"scorecard","created_at":"2026-11-20T08:00:00Z"}]}`)
		default:
			fmt.Fprint(w, `{"id":"job_7","state":"queued"}`)
		}
	}
	for _, tt := range []struct {
		args  []string
		out   string
		code  int
		asked []string
	}{
		{
			[]string{"rerun", "--degraded", "--agent", "A02"}, "job_1 job_2 queued\njob_4 job_5 queued\n", exitError,
			[]string{
				`POST /jobs/rerun {"filter":{"agent":"A02","degraded":true},"limit":100}`,
				`POST /jobs/rerun {"cursor":"c","filter":{"agent":"A02","degraded":true},"limit":100}`,
			},
		},
		{
			[]string{"rerun", "--degraded", "--list"}, "job_1 A02 succeeded scorecard 2026-11-20T08:00:00Z\n", exitOK,
			[]string{"GET /jobs?degraded=true&limit=100&state=succeeded%2Cfailed%2Ccanceled "},
		},
		{[]string{"rerun", "job_6"}, "job_6 job_7 queued\n", exitOK, []string{"POST /jobs/job_6/rerun "}},
		{[]string{"rerun"}, "", exitError, nil},
		{[]string{"rerun", "job_6", "--degraded"}, "", exitError, nil},
	} {
		asked = nil
		out, errs, code := spillway(t, api, tt.args...)
		if out != tt.out || code != tt.code || !slices.Equal(asked, tt.asked) {
			t.Errorf("%v: got %d %q %q, asked %q", tt.args, code, out, errs, asked)
		}
	}
}
