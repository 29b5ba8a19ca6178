package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

// fuzzed returns the API for a fuzz target: each answer is held against the
// contract.
func fuzzed(f *testing.F) func(*testing.T, *http.Request) int {
	api, err := New(f.Context(), Config{MaxBody: 1 << 16}, newMemory().deps())
	if err != nil {
		f.Fatal(err)
	}
	c := newChecker(f)
	return func(t *testing.T, r *http.Request) int {
		w := serve(c.check(t, api), r)
		if w.Code >= 500 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		return w.Code
	}
}

func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		submission + "\n\n" + submission, "{}\r\nnull\n[]\n\xff", `{"jobs":[` + submission + `,1]}`, `{"jobs":null}`,
		`{"agent":"A02","input":{},"idempotency_key":"a"}`, `{"idempotency_key":1,"idempotency_key":"\u0000"}`, "\ufeff{}", strings.Repeat("[", 100),
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	ask := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string, lines bool) {
		media := contract.MediaJSON
		if lines {
			media = contract.MediaLines
		}
		ask(t, newRequest(t, "POST", "/jobs/batch", body, media))
		if all, err := contract.ReadLines([]byte(body)); err == nil && len(all) == 0 {
			t.Error("no lines, and no error")
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"state=queued,failed&limit=5", "limit=1e1", "limit=0x1&limit=2", "cursor=am9i", "metadata=a:b&metadata=:", "created_after=2026-01-01T00:00:00+08:00", "%zz;=%00",
	} {
		f.Add(seed)
	}
	ask := fuzzed(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := newRequest(t, "GET", "/jobs", "", "")
		r.URL.RawQuery = query
		if status := ask(t, r); status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("got %d", status)
		}
	})
}

func FuzzCursor(f *testing.F) {
	filter := tasks.JobFilter{Agent: "A02", Limit: 3}
	f.Add(encodeCursor("job_019a8f3e5c7d7a4b9c1d2e3f40516273", filter))
	f.Add("am9i")
	f.Add("job_1 00000000")
	f.Fuzz(func(t *testing.T, cursor string) {
		if id, err := decodeCursor(cursor, filter); err == nil && tasks.CheckID(id) != nil {
			t.Errorf("%q leads to %q", cursor, id)
		}
	})
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"7", "-1", "9999999999999999999", "1e3", "", "0x1", "+1"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		n, err := resumePoint(spec.StreamJobEventsParams{LastEventID: header, StartingAfter: query})
		if n < 0 || err != nil && tasks.CodeOf(err) != tasks.CodeInvalid {
			t.Errorf("got %d, %v", n, err)
		}
	})
}
