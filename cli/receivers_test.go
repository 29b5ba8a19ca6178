package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receivers are the example receivers of webhooks.
var receivers = map[string][]string{
	"python": {"python3", "python/receiver.py", "0"},
	"node":   {"node", "node/receiver.mjs", "0"},
}

// TestExampleReceivers has the example receivers verify what Spillway signs,
// before, while and after a secret is rotated, and refuse what others send.
func TestExampleReceivers(t *testing.T) {
	for name, command := range receivers {
		t.Run(name, func(t *testing.T) {
			needsTool(t, command[0])
			t.Setenv("SPILLWAY_AUTH", "required")
			s := dev(t)
			t.Setenv("SPILLWAY_API_KEY", s.key)

			// The endpoint comes first, as it has the secret; a free port for it is
			// known only when the receiver runs.
			endpoint := s.post(t, http.MethodPost, "/webhooks/endpoints", `{"url":"`+nobody+`"}`)
			path := "/webhooks/endpoints/" + endpoint["id"]
			old := startReceiver(t, command, endpoint["secret"])
			s.post(t, http.MethodPatch, path, `{"url":"`+old.url+`"}`)
			s.post(t, http.MethodPost, path+"/test", "")
			old.prints(t, "received: webhook.test")
			old.prints(t, "received: job.succeeded "+submitted(t))

			rotated := s.post(t, http.MethodPost, path+"/rotate", `{"overlap_seconds":3600}`)
			old.prints(t, "received: job.succeeded "+submitted(t))
			changed := startReceiver(t, command, rotated["secret"])
			s.post(t, http.MethodPatch, path, `{"url":"`+changed.url+`"}`)
			changed.prints(t, "received: job.succeeded "+submitted(t))

			s.post(t, http.MethodPost, path+"/rotate", `{"overlap_seconds":0}`)
			submitted(t)
			changed.prints(t, "refused: no signature fits")
			refusals(t, old, endpoint["secret"])
		})
	}
}

// refusals sends a receiver what it must not trust, signed by somebody who knows
// the standard but nothing of Spillway.
func refusals(t *testing.T, to *receiver, secret string) {
	const body = `{"type":"job.succeeded","timestamp":"2026-11-21T09:00:31Z","data":{"id":"job_1"}}`
	stranger := standardwebhooksSecret
	now := time.Now()
	for _, c := range []struct {
		name, body, prints string
		header             http.Header
	}{
		{"as it was signed", body, "received: job.succeeded job_1", signature(t, secret, "msg_1", now, body)},
		{"sent again: not done twice", body, "", signature(t, secret, "msg_1", now, body)},
		{"signed by two, one of them known", body, "received: job.succeeded job_1", bothSign(t, stranger, secret, "msg_2", now, body)},
		{"another body", strings.Replace(body, "job_1", "job_2", 1), "refused: no signature fits", signature(t, secret, "msg_3", now, body)},
		{"another secret", body, "refused: no signature fits", signature(t, stranger, "msg_3", now, body)},
		{"old", body, "refused: the timestamp is too old or too new", signature(t, secret, "msg_3", now.Add(-6*time.Minute), body)},
		{"from the future", body, "refused: the timestamp is too old or too new", signature(t, secret, "msg_3", now.Add(time.Hour), body)},
		{"another ID", body, "refused: no signature fits", with(signature(t, secret, "msg_3", now, body), "webhook-id", "msg_4")},
		{"another scheme", body, "refused: no signature fits", with(signature(t, secret, "msg_3", now, body), "webhook-signature", "v1a,AAAA v2,AAAA v1,? v1 ,")},
		{"a timestamp that is none", body, "refused: the timestamp is no number", with(signature(t, secret, "msg_3", now, body), "webhook-timestamp", "1e9")},
		{"nothing signed", body, "refused: a header is missing", http.Header{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := http.StatusBadRequest
			if !strings.HasPrefix(c.prints, "refused") {
				want = http.StatusNoContent
			}
			if got := to.send(t, c.header, c.body); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
			if c.prints != "" {
				to.prints(t, c.prints)
			}
		})
	}
}

// standardwebhooksSecret is the one of the standard's own examples.
const standardwebhooksSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// signature is the headers of a webhook, signed by the standard's own library.
func signature(t *testing.T, secret, id string, at time.Time, body string) http.Header {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", signed)
	return h
}

func bothSign(t *testing.T, one, other, id string, at time.Time, body string) http.Header {
	h := signature(t, one, id, at, body)
	return with(h, "webhook-signature", h.Get("webhook-signature")+" "+signature(t, other, id, at, body).Get("webhook-signature"))
}

func with(h http.Header, name, value string) http.Header {
	h.Set(name, value)
	return h
}

// submitted submits a job and returns its ID.
func submitted(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(must(t, opportunity, "submit", "A02"))
}

// post sends a request to the API, and returns the strings of its answer.
func (s *served) post(t *testing.T, method, path, body string) map[string]string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: got %d, %v, %s", method, path, resp.StatusCode, err, raw)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, v := range members {
		if text, ok := v.(string); ok {
			texts[name] = text
		}
	}
	return texts
}

// receiver is an example receiver that runs.
type receiver struct {
	url   string
	lines chan string
}

func startReceiver(t *testing.T, command []string, secret string) *receiver {
	t.Helper()
	c := exampleCommand(t, command...)
	c.Env = append(c.Env, "SPILLWAY_WEBHOOK_SECRET="+secret)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r := &receiver{lines: make(chan string, 100)}
	read := make(chan bool)
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() { // the end of the test's context has killed it
		<-read
		_ = c.Wait()
		if t.Failed() {
			t.Log(errs.String())
		}
	})
	r.url = find(receive(t, r.lines), `listening: (http\S+)`)
	return r
}

// prints waits for the next line that the receiver prints.
func (r *receiver) prints(t *testing.T, want string) {
	t.Helper()
	if got := receive(t, r.lines); !regexp.MustCompile("^" + want + " ?$").MatchString(got) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// send posts a webhook, and returns the status that answers it.
func (r *receiver) send(t *testing.T, header http.Header, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
