package tasks_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

// wellFormed is a traceparent that we send (W3C Trace Context §3.2.2).
var wellFormed = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$`)

func TestTakeUpTrace(t *testing.T) {
	const good = "00-" + traceID + "-" + spanID + "-01"
	for _, c := range []struct {
		name    string
		parents []string
		flags   string // of the trace that is gone on with; "": a new one begins
	}{
		{"sampled", []string{good}, "01"},
		{"not sampled", []string{"00-" + traceID + "-" + spanID + "-00"}, "00"},
		{"a later version", []string{"cc-" + traceID + "-" + spanID + "-01"}, "01"},
		{"a later version with more parts", []string{"cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like"}, "01"},
		{"a later version with unknown flags", []string{"cc-" + traceID + "-" + spanID + "-fd"}, "01"},
		{"a later version with a longer part", []string{"cc-" + traceID + "-" + spanID + "-01.what"}, ""},
		{"none", nil, ""},
		{"empty", []string{""}, ""},
		{"two", []string{good, good}, ""},
		{"two in one line", []string{good + "," + good}, ""},
		{"version ff", []string{"ff-" + traceID + "-" + spanID + "-01"}, ""},
		{"version of one digit", []string{"0-" + traceID + "-" + spanID + "-01"}, ""},
		{"version 00 with more parts", []string{good + "-what"}, ""},
		{"trace ID of zeros", []string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, ""},
		{"span ID of zeros", []string{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01"}, ""},
		{"upper case", []string{strings.ToUpper(good)}, ""},
		{"trace ID in upper case", []string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, ""},
		{"too short", []string{good[:54]}, ""},
		{"trace ID too short", []string{"00-" + traceID[1:] + "-" + spanID + "-01"}, ""},
		{"span ID too long", []string{"00-" + traceID + "-" + spanID + "0-01"}, ""},
		{"no hex", []string{"00-" + traceID[1:] + "g-" + spanID + "-01"}, ""},
		{"other dashes", []string{strings.ReplaceAll(good, "-", "_")}, ""},
		{"no flags", []string{"00-" + traceID + "-" + spanID}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tasks.TakeUpTrace(http.Header{tasks.HeaderTraceParent: c.parents, tasks.HeaderTraceState: {"a=1"}})
			if !wellFormed.MatchString(got.Parent) || strings.Contains(got.Parent, spanID) {
				t.Fatalf("got %q, want a span of its own", got.Parent)
			}
			if c.flags == "" {
				if got.ID() == traceID || got.State != "" || !strings.HasSuffix(got.Parent, "-00") {
					t.Errorf("got %+v, want a new trace, not sampled", got)
				}
				return
			}
			if got.ID() != traceID || got.State != "a=1" || !strings.HasSuffix(got.Parent, "-"+c.flags) {
				t.Errorf("got %+v, want trace %s, flags %s", got, traceID, c.flags)
			}
		})
	}
}

func TestTraceState(t *testing.T) {
	long := "a=" + strings.Repeat("1", 250)
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"one", []string{"congo=t61rcWkgMzE"}, "congo=t61rcWkgMzE"},
		{"several lines", []string{"rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE"}, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		{"white space", []string{"a=1 , b=2"}, "a=1,b=2"},
		{"as long as everybody takes", []string{long, "b=" + strings.Repeat("2", 250)}, long + ",b=" + strings.Repeat("2", 250)},
		{"longer", []string{long, "b=" + strings.Repeat("2", 250), "c=34567"}, ""},
		{"malformed", []string{"a"}, ""},
		{"twice the same", []string{"a=1,a=2"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tasks.TakeUpTrace(http.Header{
				tasks.HeaderTraceParent: {"00-" + traceID + "-" + spanID + "-01"}, tasks.HeaderTraceState: c.lines,
			})
			if got.ID() != traceID || got.State != c.want {
				t.Errorf("got %+v, want state %q of trace %s", got, c.want, traceID)
			}
		})
	}
}

func TestTraceNext(t *testing.T) {
	first := tasks.TakeUpTrace(http.Header{})
	next := first.Next()
	if next.ID() != first.ID() || next.Parent == first.Parent || !wellFormed.MatchString(next.Parent) {
		t.Errorf("got %q after %q, want another span of the same trace", next.Parent, first.Parent)
	}
	if other := tasks.TakeUpTrace(http.Header{}); other.ID() == first.ID() {
		t.Errorf("two requests began the same trace %s", first.ID())
	}
	var none tasks.Trace
	if got := none.Next(); got != none || none.ID() != "" || none.Headers() != nil {
		t.Errorf("no trace became %+v with headers %v", got, none.Headers())
	}
}

func FuzzTakeUpTrace(f *testing.F) {
	f.Add("00-"+traceID+"-"+spanID+"-01", "a=1,b=2")
	f.Add("cc-"+traceID+"-"+spanID+"-01-more", "a@b=\t")
	f.Add("", "=")
	f.Fuzz(func(t *testing.T, parent, state string) {
		got := tasks.TakeUpTrace(http.Header{tasks.HeaderTraceParent: {parent}, tasks.HeaderTraceState: {state}})
		if !wellFormed.MatchString(got.Parent) || len(got.State) > 512 || strings.ContainsAny(got.State, "\r\n\x00") {
			t.Errorf("got %+v", got)
		}
		if again := tasks.TakeUpTrace(http.Header{tasks.HeaderTraceParent: {got.Parent}, tasks.HeaderTraceState: {got.State}}); again.ID() != got.ID() ||
			again.State != got.State {
			t.Errorf("we do not go on with our own: %+v became %+v", got, again)
		}
	})
}
