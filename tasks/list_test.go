package tasks

import "testing"

func TestAFilterChooses(t *testing.T) {
	degraded := &Job{State: Succeeded, Degraded: true, AnsweredBy: ByScorecard, Lane: Scorecard, Attempts: []Attempt{
		{Candidate: "kimi/kimi-k2.6", Outcome: "timeout"}, {Candidate: "scorecard/rules", Outcome: OutcomeSucceeded},
	}}
	answered := &Job{State: Succeeded, AnsweredBy: ByModel, Lane: Cloud, Attempts: []Attempt{
		{Candidate: "ollama/qwen2.5:7b", Outcome: "transport"}, {Candidate: "kimi/kimi-k2.6", Outcome: OutcomeSucceeded},
	}}
	waiting := &Job{State: Queued}
	for name, tt := range map[string]struct {
		filter JobFilter
		want   [3]bool // degraded, answered, waiting
	}{
		"all":                 {JobFilter{}, [3]bool{true, true, true}},
		"degraded":            {JobFilter{Degraded: new(true)}, [3]bool{true, false, false}},
		"not degraded":        {JobFilter{Degraded: new(false)}, [3]bool{false, true, true}},
		"by a model":          {JobFilter{AnsweredBy: ByModel}, [3]bool{false, true, false}},
		"on a lane":           {JobFilter{Lane: Scorecard}, [3]bool{true, false, false}},
		"by this candidate":   {JobFilter{Model: "kimi/kimi-k2.6"}, [3]bool{false, true, false}},
		"by this model":       {JobFilter{Model: "kimi-k2.6"}, [3]bool{false, true, false}},
		"by this provider":    {JobFilter{Model: "kimi"}, [3]bool{false, true, false}},
		"by one that failed":  {JobFilter{Model: "ollama"}, [3]bool{false, false, false}},
		"by a part of a name": {JobFilter{Model: "kimi-k2"}, [3]bool{false, false, false}},
	} {
		if got := [3]bool{tt.filter.Chooses(degraded), tt.filter.Chooses(answered), tt.filter.Chooses(waiting)}; got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
