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
	job, task := endedJob("")
	job.CallbackURL = receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Error(err)
		}
		if got := r.Header.Get(headerID); got != task.ID {
			t.Errorf("webhook-id: got %s, want %s", got, task.ID)
		}
		if got := decode(t, body); got.Type != task.Type || got.Data.ID != job.ID {
			t.Errorf("got %s", body)
		}
	})
	if err := NewHandler(jobs{job: job}, newCourier(t), quiet).Handle(t.Context(), task, 0); err != nil {
		t.Error(err)
	}
}

func TestHandleKeepsTheIDOverTries(t *testing.T) {
	var ids []string
	job, task := endedJob("")
	job.CallbackURL = receiver(t, func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get(headerID))
		if len(ids) < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	h := NewHandler(jobs{job: job}, newCourier(t), quiet)
	for tries := range 2 {
		retry, ok := errors.AsType[*RetryError](h.Handle(t.Context(), task, tries))
		if !ok || !retry.Counts {
			t.Fatalf("try %d: got %v", tries+1, retry)
		}
	}
	if err := h.Handle(t.Context(), task, 2); err != nil {
		t.Error(err)
	}
	if len(ids) != 3 || ids[0] != task.ID || ids[1] != task.ID || ids[2] != task.ID {
		t.Errorf("got %v, want three times %s", ids, task.ID)
	}
}

func TestHandleWithoutADelivery(t *testing.T) {
	job, task := endedJob("")
	broken, _ := endedJob("https://hooks.example.com/")
	broken.Result = []byte("{")
	away := tasks.Errorf(tasks.CodeUnavailable, "the store is away")
	tests := []struct {
		name  string
		jobs  jobs
		tries int
		want  func(error) bool
	}{
		{"job forgotten", jobs{}, 0, func(err error) bool { return err == nil }},
		{"job of another tenant", jobs{job: &tasks.Job{ID: job.ID, Tenant: "other"}}, 0, func(err error) bool { return err == nil }},
		{"no callback", jobs{job: job}, 0, func(err error) bool { return err == nil }},
		{"store away uses up no try", jobs{err: away}, MaxTries - 1, func(err error) bool {
			retry, ok := errors.AsType[*RetryError](err)
			return ok && !retry.Counts && retry.After > 0 && errors.Is(err, away)
		}},
		{"unreadable job uses up a try", jobs{err: io.ErrUnexpectedEOF}, 0, func(err error) bool {
			retry, ok := errors.AsType[*RetryError](err)
			return ok && retry.Counts
		}},
		{"unreadable job to the end", jobs{err: io.ErrUnexpectedEOF}, MaxTries - 1, func(err error) bool { return errors.Is(err, ErrGivenUp) }},
		{"result that is not JSON", jobs{job: broken}, 0, func(err error) bool { return errors.Is(err, ErrGivenUp) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := NewHandler(tt.jobs, newCourier(t), quiet).Handle(t.Context(), task, tt.tries)
			if !tt.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What is logged helps an operator and holds no secret, URL or payload.
func TestHandleLogsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	job, task := endedJob("")
	job.CallbackURL = receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "stack trace of the receiver")
	}) + "/hook/path-token?query=token"
	h := NewHandler(jobs{job: job}, newCourier(t), slog.New(slog.NewJSONHandler(&out, nil)))
	_ = h.Handle(t.Context(), task, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.Handle(ctx, task, 0)
	job.CallbackURL = "http://127.0.0.1:1/hook/path-token?query=token"
	_ = h.Handle(t.Context(), task, MaxTries-1)

	log := out.String()
	for _, want := range []string{task.ID, job.ID, `"status":500`, `"class":"rejected"`, `"class":"connection"`, "webhook given up"} {
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
