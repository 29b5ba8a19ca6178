package history

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Violation is a promise that was not kept.
type Violation struct {
	Rule   string // which promise
	Marker string // whose job; "" for the system as a whole
	Detail string
}

func (v Violation) String() string {
	if v.Marker == "" {
		return v.Rule + ": " + v.Detail
	}
	return v.Marker + ": " + v.Rule + ": " + v.Detail
}

// rule is a promise about each job.
type rule struct {
	name  string
	check func(h *History, j *Job) []string // what is wrong
}

// rules are the promises about each job.
var rules = []rule{
	{"acknowledged job is there", acknowledgedIsThere},
	{"one key makes one job", oneKeyOneJob},
	{"every job ends", everyJobEnds},
	{"events count from 1 without gaps", contiguous},
	{"states follow the diagram", followDiagram},
	{"a run ends once", endsOnce},
	{"attempts are fenced", fenced},
	{"a result if and only if succeeded", resultIffSucceeded},
	{"a reported state stays true", reportedStaysTrue},
	{"a granted cancel holds", cancelHolds},
	{"streams have no gap and no repeat", streamsAreWhole},
	{"answers are those of the contract", answersAreExpected},
	{"an ended job calls back", callsBack},
	{"webhooks bear constant IDs", webhooksAreConstant},
	{"local_only stays local", staysLocal},
}

// Check returns every promise that the history breaks, by job.
func Check(h *History) []Violation {
	var found []Violation
	for _, j := range h.Jobs {
		for _, r := range rules {
			for _, detail := range r.check(h, j) {
				found = append(found, Violation{r.name, j.Marker, detail})
			}
		}
	}
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Marker, b.Marker), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Detail, b.Detail))
	})
	return append(found, checkWhole(h)...)
}

// checkWhole checks the promises about the system as a whole.
func checkWhole(h *History) []Violation {
	var found []Violation
	add := func(rule, format string, args ...any) {
		found = append(found, Violation{Rule: rule, Detail: fmt.Sprintf(format, args...)})
	}
	for _, d := range h.Strays {
		add("no webhook without a job", "%s for job %q", d.ID, d.JobID)
	}
	for i := range h.Floods {
		if r := &h.Floods[i]; r.Status != 0 && !r.OK() && r.Status != http.StatusTooManyRequests && r.Status != http.StatusServiceUnavailable {
			add("answers are those of the contract", "the flooding tenant got %d: %s", r.Status, r.Err)
		}
	}
	for _, id := range h.Left.Strangers {
		add("no job that nobody asked for", "%s", id)
	}
	for _, e := range h.Exits {
		if e.Up > startUp {
			add("what runs keeps running", "%s ended by itself at %s, after %v: %s", e.Name, clock(e.At), e.Up.Round(time.Millisecond), e.Reason)
		}
	}
	for _, text := range h.Crashes {
		add("no process dies of its own fault", "%s", text)
	}
	if h.anyOpen() {
		return found // then the sums below are not zero for a reason
	}
	if h.Left.Due != 0 {
		add("nothing is left over", "%d ended jobs are still due for the watchdog", h.Left.Due)
	}
	if h.Left.Waiting != 0 {
		add("nothing is left over", "%d ended jobs still stand in line for a lane", h.Left.Waiting)
	}
	for state, n := range h.Left.Open {
		if n != 0 {
			add("nothing is left over", "the counters say that %d jobs are %s, and all have ended", n, state)
		}
	}
	return found
}

// startUp is how long a process may take to find that it cannot start, say
// because Redis does not answer.
const startUp = 15 * time.Second

// anyOpen reports whether some record in the store has not ended.
func (h *History) anyOpen() bool {
	for _, j := range h.Jobs {
		for i := range j.Stored {
			if !j.Stored[i].State.Terminal() {
				return true
			}
		}
	}
	return false
}

// Lost returns the IDs of a job that were acknowledged and are not in the store:
// those that a Redis with appendfsync everysec may lose with its last second,
// and those that nothing may lose.
func (h *History) Lost(j *Job) (excused, lost []string) {
	for i := range j.Submits {
		s := &j.Submits[i]
		if !s.OK() || s.ID == "" || j.Record(s.ID) != nil {
			continue
		}
		list := &lost
		if h.inDoubt(s.Done()) {
			list = &excused
		}
		if !slices.Contains(*list, s.ID) {
			*list = append(*list, s.ID)
		}
	}
	return excused, slices.DeleteFunc(lost, func(id string) bool { return slices.Contains(excused, id) })
}

func acknowledgedIsThere(h *History, j *Job) []string {
	_, lost := h.Lost(j)
	var wrong []string
	for _, id := range lost {
		wrong = append(wrong, id+" was acknowledged and is not in the store")
	}
	return wrong
}

func oneKeyOneJob(h *History, j *Job) []string {
	if !h.Tests.Idempotency {
		return nil
	}
	if len(j.Stored) > 1 {
		var ids []string
		for i := range j.Stored {
			ids = append(ids, j.Stored[i].ID)
		}
		return []string{"the store has " + strings.Join(ids, " and ")}
	}
	ids, _ := j.Acknowledged()
	excused, lost := h.Lost(j)
	if len(ids)-len(excused)-len(lost) > 1 {
		return []string{"the client was given " + strings.Join(ids, " and ")}
	}
	return nil
}

func everyJobEnds(_ *History, j *Job) []string {
	var wrong []string
	for i := range j.Stored {
		if r := &j.Stored[i]; !r.State.Terminal() {
			wrong = append(wrong, fmt.Sprintf("%s is still %s", r.ID, r.State))
		}
	}
	return wrong
}

func resultIffSucceeded(_ *History, j *Job) []string {
	var wrong []string
	for i := range j.Stored {
		if r := &j.Stored[i]; r.Result != (r.State == tasks.Succeeded) {
			wrong = append(wrong, fmt.Sprintf("%s is %s, and whether it has a result is %t", r.ID, r.State, r.Result))
		}
	}
	return wrong
}

func staysLocal(_ *History, j *Job) []string {
	var wrong []string
	for i, c := range j.Calls {
		if j.LocalOnly && c.Lane == tasks.Cloud {
			wrong = append(wrong, fmt.Sprintf("call %d went to the cloud", i+1))
		}
	}
	return wrong
}
