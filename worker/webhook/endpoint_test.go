package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
)

// directory is a register of endpoints in memory.
type directory struct {
	targets  map[string]*Target
	noted    []*tasks.Delivery
	disables bool  // what Note says
	unsigned error // what Signing says
}

func (d *directory) Subscribed(context.Context, string, tasks.EventType) ([]string, error) {
	var ids []string
	for id := range d.targets {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

func (d *directory) Target(_ context.Context, _, id string) (*Target, error) {
	if t := d.targets[id]; t != nil {
		return t, nil
	}
	return nil, tasks.Errorf(tasks.CodeNotFound, "no such endpoint")
}

func (d *directory) Signing(context.Context, string) ([]Secret, error) { return signs, d.unsigned }

func (d *directory) Note(_ context.Context, _ string, try *tasks.Delivery) (bool, error) {
	d.noted = append(d.noted, try)
	return d.disables, nil
}

// An endpoint's webhooks are signed with its own secrets, all of them while they
// are rotated, and every try is noted.
func TestAnEndpointHasSecretsOfItsOwn(t *testing.T) {
	fresh, old := NewSecret(), NewSecret()
	status := http.StatusOK
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for name, secret := range map[string]Secret{"new": fresh, "old": old} {
			verifier, err := standardwebhooks.NewWebhook(secret.Reveal())
			if err != nil {
				t.Error(err)
			} else if err := verifier.Verify(body, r.Header); err != nil {
				t.Errorf("%s secret: %v", name, err)
			}
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "thanks")
	})
	d := &directory{targets: map[string]*Target{"ep_1": {URL: url, Secrets: []Secret{fresh, old}}}}
	job, notice := endedJob("")
	notice.Endpoint = "ep_1"
	h := NewHandler(jobs{job: job}, d, &notices{}, newSender(t), quiet)
	if err := h.Handle(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	status = http.StatusServiceUnavailable
	if _, later := errors.AsType[*queue.Retry](h.Handle(t.Context(), notice)); !later {
		t.Error("a failed try does not come back")
	}
	if len(d.noted) != 2 {
		t.Fatalf("noted %d tries, want 2", len(d.noted))
	}
	for i, want := range []tasks.Delivery{{Outcome: string(Delivered), HTTPStatus: 200}, {Outcome: string(Rejected), HTTPStatus: 503}} {
		got := d.noted[i]
		if got.Outcome != want.Outcome || got.HTTPStatus != want.HTTPStatus || got.Answer != "thanks" || got.Try != 1 ||
			got.WebhookID != notice.ID || got.JobID != job.ID || got.Endpoint != "ep_1" || got.NextTryAt.IsZero() != (i == 0) {
			t.Errorf("try %d: noted %+v", i+1, got)
		}
	}
}

func TestWhatIsQueuedForAnEndpointThatIsGoneIsDropped(t *testing.T) {
	d := &directory{}
	job, notice := endedJob("")
	notice.Endpoint = "ep_gone"
	if err := NewHandler(jobs{job: job}, d, &notices{}, newSender(t), quiet).Handle(t.Context(), notice); err != nil || len(d.noted) > 0 {
		t.Errorf("got %v, noted %d", err, len(d.noted))
	}
}

// What cannot be signed is not sent, and the log of tries says so.
func TestWhatCannotBeSignedIsATryInTheLog(t *testing.T) {
	url := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	d := &directory{targets: map[string]*Target{"ep_1": {URL: url}}, unsigned: ErrNoSecret}
	job, notice := endedJob(url)
	h := NewHandler(jobs{job: job}, d, &notices{}, newSender(t), quiet)
	for _, notice.Endpoint = range []string{"", "ep_1"} {
		if later, ok := errors.AsType[*queue.Retry](h.Handle(t.Context(), notice)); !ok || !later.Counts {
			t.Errorf("endpoint %q: it does not come back as a try", notice.Endpoint)
		}
	}
	if len(d.noted) != 2 || d.noted[0].Outcome != string(Unsigned) || d.noted[1].Outcome != string(Unsigned) {
		t.Errorf("noted %+v", d.noted)
	}
}

// The tenant's other endpoints are received that one was disabled, and what they get
// needs no job.
func TestOthersAreToldThatAnEndpointIsDisabled(t *testing.T) {
	var received []byte
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		received, _ = io.ReadAll(r.Body)
	})
	gone := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	d := &directory{targets: map[string]*Target{"ep_1": {URL: gone, Secrets: signs}, "ep_2": {URL: url, Secrets: signs}}, disables: true}
	s := &notices{}
	job, notice := endedJob("")
	notice.Endpoint = "ep_1"
	h := NewHandler(jobs{job: job}, d, s, newSender(t), quiet)
	if err := h.Handle(t.Context(), notice); !errors.Is(err, queue.ErrGivenUp) {
		t.Errorf("410: got %v", err)
	}
	if len(s.sent) == 0 {
		t.Fatal("nobody is notified")
	}
	d.disables = false
	for _, n := range s.sent {
		if n.Endpoint != "ep_2" {
			continue
		}
		if err := h.Handle(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	got := decodeNote(t, received)
	if got.Type != tasks.EventEndpointDisabled || got.Data.Endpoint != "ep_1" {
		t.Errorf("got %s", received)
	}
}

func TestRelayTellsEveryEndpoint(t *testing.T) {
	o := newOutbox(entry("1", tasks.EventSucceeded, true))
	s := &notices{}
	d := &directory{targets: map[string]*Target{"ep_1": {}, "ep_2": {}}}
	if err := NewRelay(o, d, s, "a", quiet).step(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range s.sent {
		got = append(got, n.Endpoint)
	}
	if want := []string{"", "ep_1", "ep_2"}; !slices.Equal(got, want) {
		t.Errorf("queued for %q, want %q", got, want)
	}
}
