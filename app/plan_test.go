package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

func TestMaxCost(t *testing.T) {
	all, err := agents.Open("", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := &App{Agents: all}
	j := &tasks.Job{Agent: "A02", Language: tasks.English}
	if got := s.maxCost(j, []byte(opportunity), "deepseek/deepseek-chat"); got <= 0 || got > tasks.Dollar/10 {
		t.Errorf("a known model: got $%s", got)
	}
	for _, unknown := range []string{"mine/model", "deepseek/no-such-model"} {
		if got := s.maxCost(j, []byte(opportunity), unknown); got != 0 {
			t.Errorf("%s: got $%s, want 0: its prices are not known", unknown, got)
		}
	}
}

func TestOffPeakAtKnowsTheProvidersInUse(t *testing.T) {
	now := time.Now()
	if got := offPeakAt(nil, now); !got.Equal(now) {
		t.Errorf("no provider: got %v, want now", got)
	}
	if got := offPeakAt([]string{"deepseek"}, now); got.Before(now) {
		t.Errorf("deepseek: got %v, before now", got)
	}
}
