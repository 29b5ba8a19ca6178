package attempt

import (
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestHowLongAJobStaysAway(t *testing.T) {
	now := time.Now()
	call := func(n int, lane tasks.Lane, candidate string, after time.Duration) tasks.Attempt {
		c := tasks.Attempt{Number: n, Lane: lane, Candidate: candidate}
		if after != 0 {
			c.RetryAt = now.Add(after)
		}
		return c
	}
	for _, test := range []struct {
		name    string
		attempt int
		calls   []tasks.Attempt
		want    time.Duration
	}{
		{"as long as the provider asked for", 1, []tasks.Attempt{call(1, tasks.Local, "a", 20*time.Second)}, 20 * time.Second},
		{"at least for a moment", 1, []tasks.Attempt{call(1, tasks.Local, "a", time.Millisecond)}, minWait},
		{"not for hours", 1, []tasks.Attempt{call(1, tasks.Local, "a", time.Hour)}, maxWait},
		{"for a while when nobody says", 1, []tasks.Attempt{call(1, tasks.Local, "a", 0)}, firstWait},
		{"for a while when there was nobody to ask", 1, nil, firstWait},
		{"longer from time to time", 3, nil, 4 * firstWait},
		{"but not for ever", 1000, nil, maxWait},
		{"until the first of all lanes", 2, []tasks.Attempt{call(1, tasks.Local, "a", 3*time.Second), call(2, tasks.Cloud, "b", time.Hour)}, 3 * time.Second},
		{"until one that said nothing is worth a try", 1, []tasks.Attempt{call(1, tasks.Cloud, "a", time.Hour), call(1, tasks.Cloud, "b", 0)}, firstWait},
		{"by what a candidate said last", 1, []tasks.Attempt{call(1, tasks.Cloud, "a", -time.Second), call(1, tasks.Cloud, "a", time.Minute)}, time.Minute},
		{"not by what was said rounds ago", 2, []tasks.Attempt{call(1, tasks.Cloud, "a", 5*time.Second), call(2, tasks.Cloud, "b", time.Minute)}, time.Minute},
		{"the scorecard does not count", 1, []tasks.Attempt{call(1, tasks.Cloud, "a", time.Minute), call(1, tasks.Scorecard, "s", 0)}, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := &attempt{job: &tasks.Job{Attempt: test.attempt, Attempts: test.calls}}
			if got := a.nextTry(now); got != test.want {
				t.Errorf("comes back after: got %v, want %v", got, test.want)
			}
		})
	}
}

// A job that asks for waiting tries again who has failed it, and not each time that
// another has no room: every try is paid.
func TestAWaitingJobDoesNotPayForEachLookAtABusyCandidate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	small := providers.Candidate{Provider: providertest.NewFake("ollama"), Model: "small"}
	large := providers.Candidate{Provider: small.Provider, Model: "large"}
	for _, c := range []struct {
		name  string
		tries []time.Duration // since small was asked, and large had no room, in each claim
		asks  bool
	}{
		{"just now", []time.Duration{2 * time.Second}, false},
		{"a while ago", []time.Duration{11 * time.Second}, true},
		{"twice, just now", []time.Duration{20 * time.Second, 11 * time.Second}, false},
		{"twice, a while ago", []time.Duration{40 * time.Second, 21 * time.Second}, true},
	} {
		j := &tasks.Job{OnExhausted: tasks.Wait, Attempt: len(c.tries) + 1}
		for i, ago := range c.tries {
			j.Attempts = append(j.Attempts,
				tasks.Attempt{Number: i + 1, Lane: tasks.Local, Candidate: "ollama/small", Outcome: string(providers.ClassBadOutput), StartedAt: now.Add(-ago)},
				tasks.Attempt{Number: i + 1, Lane: tasks.Local, Candidate: "ollama/large", Outcome: tasks.OutcomeLimitReached, RetryAt: now.Add(time.Second)})
		}
		a := &attempt{job: j, lane: tasks.Local}
		if got := len(a.unsettled([]providers.Candidate{small, large})) == 2; got != c.asks {
			t.Errorf("%s: asked again %v, want %v", c.name, got, c.asks)
		}
	}
}
