package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vector is the secret of the test vector that the libraries of Standard
// Webhooks share.
const vector = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var (
	ended = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	quiet = slog.New(slog.DiscardHandler)
	signs = func() []Secret {
		s, err := ParseSecret(vector)
		if err != nil {
			panic(err)
		}
		return []Secret{s}
	}()
)

func mustParse(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newSender returns a sender that may reach this machine.
func newSender(t testing.TB, change ...func(*Config)) *Sender {
	t.Helper()
	cfg := Config{Policy: Development()}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewSender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// template is the transport that those of a sender are made from.
func template(c *Sender) *http.Transport { return c.client.Transport.(*renewed).template }

// nobody is a register without endpoints, whose log is not kept.
type nobody struct{}

func (nobody) Subscribed(context.Context, string, tasks.EventType) ([]string, error) { return nil, nil }

func (nobody) Target(context.Context, string, string) (*Target, error) {
	return nil, tasks.Errorf(tasks.CodeNotFound, "no endpoint")
}

func (nobody) Signing(context.Context, string) ([]Secret, error) { return signs, nil }

func (nobody) Note(context.Context, string, *tasks.Delivery) (bool, error) { return false, nil }

// receiver starts a server and returns its URL.
func receiver(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// endedJob is a succeeded job with a callback, and the notice of its end.
func endedJob(callback string) (*tasks.Job, queue.Notice) {
	j := &tasks.Job{
		ID: "job_0193a1b2c3d4e5f60718293a4b5c6d7e", Tenant: "acme", Agent: "A02",
		State: tasks.Succeeded, CallbackURL: callback, Sequence: 4,
		Result: []byte(`{"score":87,"reason":"预算明确"}`),
	}
	return j, queue.Notice{ID: EventID(j.ID, 4), Tenant: j.Tenant, JobID: j.ID, Type: tasks.EventSucceeded, Sequence: 4, At: ended}
}
