package agents_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/topcentral/spillway/examples"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// scored is one opportunity, what the scorecard says, and how it really ended.
type scored struct {
	score int
	grade string
	won   bool
}

// scoreAll scores every opportunity of the data set.
func scoreAll(t *testing.T) []scored {
	t.Helper()
	a := opportunityAgent(t)
	opportunities, err := examples.Opportunities()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]scored, len(opportunities))
	for i, o := range opportunities {
		answer, err := a.Score(o.Input, tasks.Chinese)
		if err != nil {
			t.Fatalf("opportunity %d: %v", i, err)
		}
		var got struct {
			Score int    `json:"score"`
			Grade string `json:"grade"`
		}
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		all[i] = scored{got.Score, got.Grade, o.Won}
	}
	return all
}

func opportunityAgent(t testing.TB) *agents.Agent {
	t.Helper()
	c, err := agents.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.Lookup("A02")
	if !ok {
		t.Fatal("no agent A02")
	}
	return a
}

// auc is the probability that a won opportunity scores above a lost one, ties
// counting half.
func auc(all []scored) float64 {
	var above, pairs float64
	for _, w := range all {
		for _, l := range all {
			if !w.won || l.won {
				continue
			}
			pairs++
			switch {
			case w.score > l.score:
				above++
			case w.score == l.score:
				above += 0.5
			}
		}
	}
	return above / pairs
}

func TestOpportunityScoresTellWonFromLost(t *testing.T) {
	all := scoreAll(t)
	got := auc(all)
	t.Logf("AUC %.3f on %d opportunities", got, len(all))
	if got < 0.84 {
		t.Errorf("AUC %.3f, want at least 0.84", got)
	}
}

func TestOpportunityScoresSpread(t *testing.T) {
	all := scoreAll(t)
	slices.SortFunc(all, func(a, b scored) int { return a.score - b.score })
	if low, high := all[len(all)/20].score, all[len(all)-len(all)/20].score; low > 15 || high < 85 {
		t.Errorf("the middle nine tenths of the scores lie in %d to %d, want a wide range", low, high)
	}
	ties := map[int]int{}
	for _, s := range all {
		if ties[s.score]++; ties[s.score] > len(all)/12 {
			t.Fatalf("too many opportunities score %d", s.score)
		}
	}
}

func TestOpportunityGradesMeanSomething(t *testing.T) {
	won, count := map[string]int{}, map[string]int{}
	for _, s := range scoreAll(t) {
		count[s.grade]++
		if s.won {
			won[s.grade]++
		}
	}
	last := 1.1
	for _, grade := range []string{"A", "B", "C", "D"} {
		if count[grade] < 20 {
			t.Errorf("only %d opportunities have grade %s", count[grade], grade)
			continue
		}
		rate := float64(won[grade]) / float64(count[grade])
		t.Logf("grade %s: %d opportunities, %.0f%% won", grade, count[grade], 100*rate)
		if rate >= last {
			t.Errorf("grade %s wins %.2f, not less than the grade above", grade, rate)
		}
		last = rate
	}
}

func TestProductAndSellerDoNotCount(t *testing.T) {
	a := opportunityAgent(t)
	for _, lang := range []tasks.Language{tasks.Chinese, tasks.English} {
		first, err1 := a.Score(json.RawMessage(`{"product": "P", "opportunity": "O", "client": "new"}`), lang)
		other, err2 := a.Score(json.RawMessage(`{"product": "Q", "opportunity": "O", "client": "new"}`), lang)
		if err1 != nil || err2 != nil || !bytes.Equal(first, other) {
			t.Errorf("got %s, %v and %s, %v", first, err1, other, err2)
		}
	}
}

func TestScoreIsDeterministicAndConcurrent(t *testing.T) {
	c, err := agents.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(examples.Samples("zh"), examples.Samples("en")...) {
		a, _ := c.Lookup(s.Agent)
		first, err := a.Score(s.Input, tasks.English)
		if err != nil {
			t.Fatal(err)
		}
		var at sync.WaitGroup
		for range 20 {
			at.Go(func() {
				if again, err := a.Score(s.Input, tasks.English); err != nil || !bytes.Equal(first, again) {
					t.Errorf("%s: got %s, %v, before %s", s.Agent, again, err, first)
				}
			})
		}
		at.Wait()
	}
}

func BenchmarkScore(b *testing.B) {
	a := opportunityAgent(b)
	opportunities, err := examples.Opportunities()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Score(opportunities[0].Input, tasks.Chinese); err != nil {
			b.Fatal(err)
		}
	}
}
