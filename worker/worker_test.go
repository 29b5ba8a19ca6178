package worker

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// dead fails at once, and says that another try makes no sense before a while.
var dead = providertest.Fail(&providers.Error{Class: providers.ClassBadRequest, RetryAfter: time.Second, Message: "no"})

// panics is a provider with a bug.
func panics(context.Context, *providers.Request, func(providers.Delta)) (*providers.Response, error) {
	panic("broken")
}

func TestHowAJobEnds(t *testing.T) {
	const (
		localAnswers, localNonsense = "ollama/small succeeded", "ollama/small bad_output"
		localDead, largeDead        = "ollama/small bad_request", "ollama/large bad_request"
		cloudAnswers, cloudDead     = "deepseek/chat succeeded", "deepseek/chat bad_request"
		rules                       = "scorecard/rules succeeded"
	)
	for _, test := range []struct {
		name         string
		local, cloud providertest.Behavior
		ask          func(*tasks.Submission)

		state    tasks.State
		result   string
		degraded bool
		code     tasks.Code
		attempts []string
	}{
		{name: "local answers",
			local: providertest.Answer(answer), cloud: dead,
			state: tasks.Succeeded, result: answer, attempts: []string{localAnswers}},
		{name: "local answers on the second try",
			local: providertest.Sequence(providertest.Answer(nonsense), providertest.Answer(answer)), cloud: dead,
			state: tasks.Succeeded, result: answer, attempts: []string{localNonsense, localAnswers}},
		{name: "the second local model answers",
			local: providertest.Sequence(dead, providertest.Answer(answer)), cloud: dead,
			state: tasks.Succeeded, result: answer, attempts: []string{localDead, "ollama/large succeeded"}},
		{name: "local fails: the job spills to the cloud",
			local: dead, cloud: providertest.Answer(answer),
			state: tasks.Succeeded, result: answer, attempts: []string{localDead, largeDead, cloudAnswers}},
		{name: "both fail: the scorecard answers, and says so",
			local: dead, cloud: dead,
			state: tasks.Succeeded, result: `{"score":50}`, degraded: true,
			attempts: []string{localDead, largeDead, cloudDead, rules}},
		{name: "both fail, and the caller wants no scorecard",
			local: dead, cloud: dead, ask: func(s *tasks.Submission) { s.OnExhausted = tasks.GiveUp },
			state: tasks.Failed, code: tasks.CodeExhausted, attempts: []string{localDead, largeDead, cloudDead}},
		{name: "a panic in a provider is a failure like any other",
			local: panics, cloud: providertest.Answer(answer),
			state: tasks.Succeeded, result: answer, attempts: []string{"ollama/small server", cloudAnswers}},
		{name: "data that must stay local never reaches the cloud",
			local: dead, cloud: providertest.Answer(answer), ask: func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly },
			state: tasks.Succeeded, result: `{"score":50}`, degraded: true,
			attempts: []string{localDead, largeDead, rules}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			w.local.Does(test.local)
			w.cloud.Does(test.cloud)
			w.start(t, bothLanes)
			if test.ask == nil {
				test.ask = func(*tasks.Submission) {}
			}
			j := w.end(t, w.submit(t, test.ask).ID)
			if j.State != test.state || string(j.Result) != test.result || j.Degraded != test.degraded {
				t.Errorf("job: got %s, degraded %v: %s; want %s, degraded %v: %s",
					j.State, j.Degraded, j.Result, test.state, test.degraded, test.result)
			}
			if got := codeOf(j); got != test.code {
				t.Errorf("error: got %v, want code %q", j.Error, test.code)
			}
			if got := outcomes(j); !slices.Equal(got, test.attempts) {
				t.Errorf("attempts: got %q, want %q", got, test.attempts)
			}
		})
	}
}

func codeOf(j *tasks.Job) tasks.Code {
	if j.Error == nil {
		return ""
	}
	return j.Error.Code
}

func TestWhatAModelIsAsked(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		t.Parallel()
		w := newWorld(t, rdb)
		w.start(t, localLane)
		j := w.end(t, w.submit(t, func(s *tasks.Submission) { s.Language = tasks.English }).ID)
		asked := w.local.Asked()
		if len(asked) != 1 {
			t.Fatalf("requests: got %d, want 1", len(asked))
		}
		agent, _ := testAgents(t).Lookup("T1")
		system, user, err := agent.Prompt([]byte(`{"kind":"good"}`), tasks.English)
		if err != nil {
			t.Fatalf("prompt: %v", err)
		}
		got := asked[0]
		if want := []providers.Message{{Role: providers.System, Content: system}, {Role: providers.User, Content: user}}; !slices.Equal(got.Messages, want) {
			t.Errorf("messages: got %q, want %q", got.Messages, want)
		}
		if got.Model != "small" || got.SchemaName != "t1_result" || string(got.Schema) != string(agent.OutputSchema()) || got.OutputLimit != 100 {
			t.Errorf("request: got %+v", got)
		}
		first := j.Attempts[0]
		if want := (tasks.Tokens{Input: providertest.FakeUsage.Input, Output: providertest.FakeUsage.Output}); first.Tokens != want || first.Number != 1 || first.Lane != tasks.Local || first.Worker == "" {
			t.Errorf("attempt: got %+v, want tokens %+v", first, want)
		}
	})
}

func TestWithoutAnyProviderTheScorecardAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	away := providers.Errorf(providers.ClassTransport, "refused")
	w.local.SetModels(away)
	w.cloud.SetModels(away)
	w.start(t, bothLanes)
	j := w.end(t, w.submit(t).ID)
	if !j.Degraded || j.Lane != tasks.Scorecard || len(w.local.Asked())+len(w.cloud.Asked()) > 0 {
		t.Errorf("job: got %+v", j)
	}
}

func TestAWaitingJobSucceedsOnceItsProviderIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(providertest.Sequence(dead, dead, providertest.Answer(answer)))
	w.start(t, localLane)
	j := w.end(t, w.submit(t, func(s *tasks.Submission) { s.OnExhausted = tasks.Wait }).ID)
	if j.State != tasks.Succeeded || string(j.Result) != answer || j.Degraded {
		t.Errorf("job: got %s, degraded %v: %s", j.State, j.Degraded, j.Result)
	}
	if j.Attempt != 2 || len(j.Exhausted) > 0 {
		t.Errorf("attempts: got %d, exhausted %v; want 2 and all lanes forgiven", j.Attempt, j.Exhausted)
	}
}

func TestAStrayTicketTakesNoDataToTheCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	hang, asked, _ := hangs()
	w.local.Does(hang)
	w.start(t, bothLanes)
	w.submit(t) // takes the only local slot
	wait(t, asked)
	j := w.submit(t, func(s *tasks.Submission) { s.Privacy = tasks.LocalOnly })
	stray := queue.Ticket{JobID: j.ID, Lane: tasks.Cloud, Complexity: j.Complexity}
	if err := queue.NewClient(w.rdb).Enqueue(t.Context(), stray, time.Time{}); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	w.await(t, j.ID, func(e tasks.Event) bool { return e.Type == tasks.EventQueued && e.Attempt == 1 })
	if asked := w.cloud.Asked(); len(asked) > 0 {
		t.Errorf("the cloud was asked: %+v", asked)
	}
}

func TestWhatIsServedFollowsTheModels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	away := providers.Errorf(providers.ClassTransport, "refused")
	w.start(t, localLane, func(c *Config) { c.Refresh = 50 * time.Millisecond })
	w.awaitServed(t, true)
	w.local.SetModels(away)
	w.awaitServed(t, false)
	if j := w.end(t, w.submit(t).ID); !j.Degraded {
		t.Errorf("without models: got %s", j.Result)
	}
	w.local.SetModels(nil, "small")
	w.awaitServed(t, true)
	if j := w.end(t, w.submit(t).ID); j.Degraded || string(j.Result) != answer {
		t.Errorf("with models again: got degraded %v: %s", j.Degraded, j.Result)
	}
}

// awaitServed polls until the dispatcher takes the local lane for served or not.
func (w *world) awaitServed(t *testing.T, want bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(patience)
	for {
		view, err := w.View(t.Context())
		if err != nil {
			t.Fatalf("view: %v", err)
		}
		if (len(view.Live.Workers[queue.Name(tasks.Local, tasks.Medium, tasks.PriorityNormal)]) > 0) == want {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("local is served: still %v", !want)
		}
	}
}
