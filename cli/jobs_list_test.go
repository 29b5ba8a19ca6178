package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestJobsAreListedByFilter(t *testing.T) {
	var asked []string
	api := func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		if !r.URL.Query().Has("cursor") {
			fmt.Fprint(w, `{"data":[{"id":"job_2","agent":"A02","state":"failed", "created_at":"2026-11-20T08:00:00Z","n":1.00}],"next_cursor":"c"}`)
			return
		}
		fmt.Fprint(w, `{"data":[{"id":"job_1","agent":"A\u001b[2J","state":"failed","answered_by":"model","created_at":"2026-11-20T07:00:00Z"}]}`)
	}
	const first = "GET /jobs?agent=A02&limit=100&state=failed&state=canceled"
	for _, tt := range []struct {
		args      []string
		out, errs string
		code      int
		asked     []string
	}{
		{
			[]string{"--filter", "state=failed,agent=A02,state=canceled"},
			"job_2 A02 failed - 2026-11-20T08:00:00Z\njob_1 A\\u001b[2J failed model 2026-11-20T07:00:00Z\n", "", exitOK,
			[]string{first, strings.Replace(first, "&limit=100", "&cursor=c&limit=99", 1)},
		},
		{
			[]string{"--json", "--limit", "1"},
			`{"id":"job_2","agent":"A02","state":"failed","created_at":"2026-11-20T08:00:00Z","n":1.00}` + "\n", "There may be more", exitOK,
			[]string{"GET /jobs?limit=1"},
		},
		{[]string{"--filter", "stat=failed"}, "", `there is no "stat"; want since, agent,`, exitError, nil},
		{[]string{"--filter", "failed"}, "", "want name=value", exitError, nil},
		{[]string{"--filter", "since=yesterday"}, "", "want a duration", exitError, nil},
		{[]string{"--filter", "since=2h,created_after=2026-11-20T07:00:00Z"}, "", "created_after is given twice", exitError, nil},
		{[]string{"--limit", "0"}, "", "1 or more", exitError, nil},
	} {
		asked = nil
		out, errs, code := spillway(t, api, append([]string{"jobs", "ls"}, tt.args...)...)
		if out != tt.out || code != tt.code || !strings.Contains(errs, tt.errs) || !slices.Equal(asked, tt.asked) {
			t.Errorf("%v: got %d %q %q, asked %q", tt.args, code, out, errs, asked)
		}
	}
}

func TestSinceIsATime(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	query, err := parseFilter([]string{"since=90m", "metadata=a:1", "metadata=b:2"}, now)
	if want := "created_after=2026-11-20T06%3A30%3A00Z&metadata=a%3A1&metadata=b%3A2"; err != nil || query.Encode() != want {
		t.Errorf("got %s, %v, want %s", query.Encode(), err, want)
	}
}
