package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestDemo(t *testing.T) {
	out, progress, code := command(t, "demo", "--language", "en", "--rows", "100", "--no-outage")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, out, progress)
	}
	for what, want := range map[string]string{
		"how many jobs":            `^103 jobs over HTTP at http://127\.0\.0\.1:\d+\n`,
		"that no model is at hand": `no model is reached, so the scorecards answer \(degraded: true\)`,
		"a table":                  `(?m)^  SCORE +GRADE +OUTCOME +OPPORTUNITY +DRIVERS$`,
		"a row with drivers":       `(?m)^  \d+ +[A-E] +(won|lost) +#\d+ .*\+`,
		"the AUC":                  `AUC of the score against the known outcomes: 0\.[6-9]\d\d `,
		"A03":                      `(?m)^A03  .*\(scorecard/rules, degraded\)\n  \S+`,
		"A04":                      `(?m)^A04  .*\(scorecard/rules, degraded\)\n  \S+`,
		"A05":                      `(?m)^A05  .*\(scorecard/rules, degraded\)\n  \S+`,
		"times":                    `Times, submit to result: p50 \d+.*, p99 \d`,
		"who answered":             `Answered by scorecard/rules, degraded: 103`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: nothing like %s", what, want)
		}
	}
	lines := strings.Split(strings.TrimSpace(progress), "\n")
	if len(lines) != 10 || lines[9] != "103 of 103 jobs done" {
		t.Errorf("progress: got %q, want a line for every tenth", lines)
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestAnInterruptedDemoSaysSo(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	out := writer(func(p []byte) (int, error) { interrupt(); return len(p), nil }) // once it has begun
	var errs strings.Builder
	if code := run(ctx, []string{"demo"}, streams{strings.NewReader(""), out, &errs}); code != exitInterrupted || strings.Contains(errs.String(), "spillway:") {
		t.Errorf("got %d, %s, want %d", code, errs.String(), exitInterrupted)
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// When one job cannot be posted, the others are not left behind.
func TestDemoLeavesNothingBehindWhenAJobIsRefused(t *testing.T) {
	posted := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-r.Context().Done()
			return
		}
		if posted++; posted == 3 {
			http.Error(w, `{"detail":"enough"}`, http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"id":"job_%d","state":"queued"}`, posted)
	}))
	defer server.Close()
	before := goleak.IgnoreCurrent()
	runs := []*demoRun{{title: "one"}, {title: "two"}, {title: "three"}, {title: "four"}}
	began := time.Now()
	err := demoCommand{}.runAll(t.Context(), server.URL, runs, newProgress(&strings.Builder{}, len(runs)))
	if err == nil || !strings.Contains(err.Error(), "submit three: enough") || posted != 3 {
		t.Errorf("got %v after %d submissions", err, posted)
	}
	if took := time.Since(began); took > patient/2 {
		t.Errorf("took %v", took)
	}
	server.CloseClientConnections()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

// The outage shows each way that a job can go.
func TestDemoPlaysAnOutage(t *testing.T) {
	t.Parallel() // half a minute of it is a worker's time between two looks at a lost model server
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var printed, errs strings.Builder
	code := run(ctx, []string{"demo", "--language", "en", "--rows", "1"}, streams{strings.NewReader(""), &printed, &errs})
	out := printed.String()
	if code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, out, &errs)
	}
	var ways []string
	_, played, _ := strings.Cut(out, "An outage")
	for _, m := range regexp.MustCompile(`(?m)^ +[\d.]+ s    A\d\d  (\w+)/`).FindAllStringSubmatch(played, -1) {
		ways = append(ways, m[1])
	}
	want := "ollama ollama ollama deepseek minimax minimax scorecard ollama ollama"
	if got := strings.Join(ways, " "); got != want {
		t.Errorf("got %s\nwant %s\n%s", got, want, out)
	}
	if !regexp.MustCompile(`the clouds cost \$0\.00\d+\n$`).MatchString(out) {
		t.Errorf("the end does not say what it cost:\n%s", out)
	}
}
