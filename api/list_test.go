package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/api/internal/spec"
	"github.com/topcentral/spillway/tasks"
)

func TestAListIsWalkedByItsLinks(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	var want []string
	for range 5 {
		want = append(want, m.submitted(t).ID)
	}
	slices.Sort(want)
	slices.Reverse(want)

	var got []string
	next := "/jobs?state=queued,running&limit=2"
	for next != "" {
		w := do(t, h, "GET", next, "")
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", next, w.Code, w.Body)
		}
		page := decode[spec.JobList](t, w)
		for _, j := range page.Data {
			got = append(got, j.ID)
		}
		link := w.Header().Get("Link")
		if page.HasMore != (link != "") || page.HasMore != (page.NextCursor != "") {
			t.Errorf("has_more %v, next_cursor %q, Link %q", page.HasMore, page.NextCursor, link)
		}
		next, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Generated clients send a list as one parameter for each item; people write it
// with commas.
func TestStatesAreListedInEveryWay(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	want := m.submitted(t).ID
	for query, found := range map[string]bool{
		"":                                    true,
		"state=":                              true,
		"state=&state=":                       true,
		"state=queued,running":                true,
		"state=queued&state=running":          true,
		"state=failed&state=queued,succeeded": true,
		"state=failed&state=succeeded":        false,
		"state=failed,succeeded":              false,
	} {
		page := decode[spec.JobList](t, do(t, h, "GET", "/jobs?"+query, ""))
		if got := len(page.Data) == 1 && page.Data[0].ID == want; got != found {
			t.Errorf("%s: got %d jobs", query, len(page.Data))
		}
	}
}

func TestACursorBelongsToItsFilters(t *testing.T) {
	filter := tasks.JobFilter{Agent: "A02", Metadata: map[string]string{"a": "1"}}
	id := tasks.NewID()
	cursor := encodeCursor(id, filter)
	filter.Limit = 50
	if got, err := decodeCursor(cursor, filter); err != nil || got != id {
		t.Errorf("with another size of page: got %s, %v", got, err)
	}
	filter.Agent = "A03"
	if _, err := decodeCursor(cursor, filter); err == nil {
		t.Error("it is taken with other filters")
	}
}

func TestBadListsSayWhatIsWrong(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for query, want := range map[string]string{
		"state=done":                       "state must be one of \"scheduled\"",
		"state=queued,":                    "state must be one of",
		"metadata=x":                       "name:value",
		"limit=0x1":                        "limit must be of type integer",
		"limit=1e1":                        "limit must be of type integer",
		"limit=1000":                       "limit must be at most 100",
		"limit=1&limit=2":                  "only once",
		"agent=" + strings.Repeat("A", 65): "agent must have at most 64 characters",
		"cursor=" + url.QueryEscape("!!"):  "cursor",
		"cursor=am9i":                      "cursor",
		"created_after=yesterday":          "created_after must be a valid date-time",
		"created_after=2026-01-01":         "must be a valid date-time", // half a day too early or too late, nobody knows
	} {
		w := do(t, h, "GET", "/jobs?"+query, "")
		if p := decode[httpx.Problem](t, w); w.Code != http.StatusBadRequest || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: got %d %q, want %q", query, w.Code, p.Detail, want)
		}
	}
}

func TestAResultAlone(t *testing.T) {
	m := newMemory()
	h := newAPI(t, Config{}, m.deps())
	job := m.submitted(t)
	path := "/jobs/" + job.ID + "/result"
	if w := do(t, h, "GET", path, ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "no result yet") {
		t.Errorf("of a queued job: got %d %s", w.Code, w.Body)
	}
	m.becomes(job.ID, tasks.Succeeded)
	w := do(t, h, "GET", path, "")
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"score":82}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if again := do(t, h, "GET", path, "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("again: got %d", again.Code)
	}
	failed := m.submitted(t)
	m.becomes(failed.ID, tasks.Failed)
	if w := do(t, h, "GET", "/jobs/"+failed.ID+"/result", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "has failed") {
		t.Errorf("of a failed job: got %d %s", w.Code, w.Body)
	}
}

func TestABatchHasAnOutcomeForEach(t *testing.T) {
	good := `{"agent":"A02","input":{},"idempotency_key":"k1"}`
	items := []string{good, `{"agent":"A99","input":{}}`, `{"agent":"A02","input":{},"colour":"red"}`, `7`, good, `{"agent":"A02","input":{},"idempotency_key":""}`}
	wantStatus := []int{202, 422, 400, 400, 202, 400}
	for name, body := range map[string]struct{ media, text string }{
		"JSON":  {contract.MediaJSON, `{"jobs":[` + strings.Join(items, ",") + `]}`},
		"lines": {contract.MediaLines, strings.Join(items, "\n") + "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAPI(t, Config{}, newMemory().deps())
			w := serve(h, newRequest(t, "POST", "/jobs/batch", body.text, body.media))
			if w.Code != http.StatusOK {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			got := decode[struct {
				Accepted, Refused int
				Outcomes          []batchOutcome
			}](t, w)
			var statuses []int
			for _, o := range got.Outcomes {
				statuses = append(statuses, o.Status)
				if (o.Job == nil) == (o.Problem == nil) || o.Problem != nil && o.Problem.RequestID == "" {
					t.Errorf("outcome %+v", o)
				}
			}
			if !slices.Equal(statuses, wantStatus) || got.Accepted != 2 || got.Refused != 4 {
				t.Errorf("got %d accepted, statuses %v, want 2 and %v", got.Accepted, statuses, wantStatus)
			}
			first, again := got.Outcomes[0], got.Outcomes[4]
			if first.Job.ID != again.Job.ID || first.Replayed == again.Replayed {
				t.Errorf("one key made the jobs %s and %s", first.Job.ID, again.Job.ID)
			}
		})
	}
}

func TestABatchHasLimits(t *testing.T) {
	h := newAPI(t, Config{MaxBody: 1000}, newMemory().deps())
	one := `{"agent":"A02","input":{}}`
	for name, c := range map[string]struct {
		media, body string
		want        int
	}{
		"too many":       {contract.MediaLines, strings.Repeat("7\n", contract.MaxBatch+1), http.StatusBadRequest},
		"none":           {contract.MediaLines, "\n \n", http.StatusBadRequest},
		"too long":       {contract.MediaLines, strings.Repeat(one+"\n", 700), http.StatusRequestEntityTooLarge},
		"long, but fits": {contract.MediaLines, strings.Repeat(one+"\n", 500), http.StatusOK},
		"other media":    {"text/csv", one, http.StatusUnsupportedMediaType},
		"no array":       {contract.MediaJSON, `{"jobs":7}`, http.StatusBadRequest},
	} {
		if w := serve(h, newRequest(t, "POST", "/jobs/batch", c.body, c.media)); w.Code != c.want {
			t.Errorf("%s: got %d %.300s, want %d", name, w.Code, w.Body, c.want)
		}
	}
	long := fmt.Sprintf(`{"agent":"A02","input":{"x":%q}}`, strings.Repeat("x", 1000))
	w := serve(h, newRequest(t, "POST", "/jobs/batch", long+"\n"+one, contract.MediaLines))
	if !strings.Contains(w.Body.String(), string(tasks.CodeTooLarge)) || !strings.Contains(w.Body.String(), `"accepted":1`) {
		t.Errorf("one that is too long by itself: got %d %.300s", w.Code, w.Body)
	}
}

// panicking is Jobs of which no submission goes well.
type panicking struct{ Jobs }

func (panicking) Submit(context.Context, string, *tasks.Submission) (*tasks.Job, bool, error) {
	panic("password=hunter2")
}

func TestAPanicEndsOneSubmissionOfABatch(t *testing.T) {
	deps := newMemory().deps()
	deps.Jobs = panicking{deps.Jobs}
	w := serve(newAPI(t, Config{}, deps), newRequest(t, "POST", "/jobs/batch", `{"agent":"A02","input":{}}`, contract.MediaLines))
	if !strings.Contains(w.Body.String(), `"status":500`) || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// Times are those of RFC 3339, in lower case too; a + that stands for a space is
// pointed out.
func TestTimesInAQuery(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for query, want := range map[string]int{
		"created_after=2026-03-12t08:00:00z": 200, "created_after=2016-12-31T23:59:60Z": 200, "created_after=2026-03-12T08:00:00%2B08:00": 200, "created_after=2026-03-12": 400,
	} {
		if w := do(t, h, "GET", "/jobs?"+query, ""); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
	if w := do(t, h, "GET", "/jobs?created_after=2026-03-12T08:00:00+08:00", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "write it as %2B") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
