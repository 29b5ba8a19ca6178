package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// jobs is a store of one job, or of one error.
type jobs struct {
	job *tasks.Job
	err error
}

func (j jobs) Job(_ context.Context, tenant, id string) (*tasks.Job, error) {
	if j.err != nil {
		return nil, j.err
	}
	if j.job == nil || j.job.ID != id || j.job.Tenant != tenant {
		return nil, tasks.Errorf(tasks.CodeNotFound, "no such job")
	}
	return j.job, nil
}

func TestHandleDelivers(t *testing.T) {
	verifier, err := standardwebhooks.NewWebhook(vector)
	if err != nil {
		t.Fatal(err)
	}
	job, notice := endedJob("")
	job.CallbackURL = receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Error(err)
		}
		if got := r.Header.Get(headerID); got != notice.ID {
			t.Errorf("webhook-id: got %s, want %s", got, notice.ID)
		}
		if got := decode(t, body); got.Type != notice.Type || got.Data.ID != job.ID {
			t.Errorf("got %s", body)
		}
	})
	if err := NewHandler(jobs{job: job}, nobody{}, &notices{}, newSender(t), quiet).Handle(t.Context(), notice); err != nil {
		t.Error(err)
	}
}

func TestHandleKeepsTheIDOverTries(t *testing.T) {
	var ids []string
	job, notice := endedJob("")
	job.CallbackURL = receiver(t, func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get(headerID))
		if len(ids) < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	h := NewHandler(jobs{job: job}, nobody{}, &notices{}, newSender(t), quiet)
	for tries := range 2 {
		notice.Tries = tries
		err := h.Handle(t.Context(), notice)
		if retry, ok := errors.AsType[*queue.Retry](err); !ok || !retry.Counts {
			t.Fatalf("try %d: got %v", tries+1, err)
		}
	}
	notice.Tries = 2
	if err := h.Handle(t.Context(), notice); err != nil {
		t.Error(err)
	}
	if len(ids) != 3 || ids[0] != notice.ID || ids[1] != notice.ID || ids[2] != notice.ID {
		t.Errorf("got %v, want three times %s", ids, notice.ID)
	}
}

func TestHandleWithoutADelivery(t *testing.T) {
	job, notice := endedJob("")
	broken, _ := endedJob("https://hooks.example.com/")
	broken.Result = []byte("{")
	unavailable := tasks.Errorf(tasks.CodeUnavailable, "the store is unavailable")
	tests := []struct {
		name  string
		jobs  jobs
		tries int
		want  func(error) bool
	}{
		{"job forgotten", jobs{}, 0, func(err error) bool { return err == nil }},
		{"job of another tenant", jobs{job: &tasks.Job{ID: job.ID, Tenant: "other"}}, 0, func(err error) bool { return err == nil }},
		{"no callback", jobs{job: job}, 0, func(err error) bool { return err == nil }},
		{"unavailable store uses up no try", jobs{err: unavailable}, MaxTries - 1, func(err error) bool {
			later, ok := errors.AsType[*queue.Retry](err)
			return ok && later.After > 0 && !later.Counts
		}},
		{"unreadable job uses up a try", jobs{err: io.ErrUnexpectedEOF}, 0, func(err error) bool {
			again, ok := errors.AsType[*queue.Retry](err)
			return ok && again.Counts
		}},
		{"unreadable job to the end", jobs{err: io.ErrUnexpectedEOF}, MaxTries - 1, func(err error) bool { return errors.Is(err, queue.ErrGivenUp) }},
		{"result that is not JSON", jobs{job: broken}, 0, func(err error) bool { return errors.Is(err, queue.ErrGivenUp) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := notice
			n.Tries = tt.tries
			err := NewHandler(tt.jobs, nobody{}, &notices{}, newSender(t), quiet).Handle(t.Context(), n)
			if !tt.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What is logged helps an operator and holds no secret, URL or payload.
func TestHandleLogsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	job, notice := endedJob("")
	job.CallbackURL = receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "stack trace of the receiver")
	}) + "/hook/path-token?query=token"
	h := NewHandler(jobs{job: job}, nobody{}, &notices{}, newSender(t), slog.New(slog.NewJSONHandler(&out, nil)))
	_ = h.Handle(t.Context(), notice)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.Handle(ctx, notice)
	job.CallbackURL = "http://127.0.0.1:1/hook/path-token?query=token"
	notice.Tries = MaxTries - 1
	_ = h.Handle(t.Context(), notice)

	log := out.String()
	for _, want := range []string{notice.ID, job.ID, `"status":500`, `"class":"rejected"`, `"class":"connection"`, "webhook given up"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is missing in %s", want, log)
		}
	}
	for _, secret := range []string{"token", "预算", "stack trace", vector[6:]} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in %s", secret, log)
		}
	}
}
