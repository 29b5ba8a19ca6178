//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// readFeatures looks at what the system under test can do, so that a run tests
// what is there and says what is not.
func (w *world) readFeatures(ctx context.Context) error {
	contract, err := fetch(ctx, w.apiURLs[0]+"/openapi.yaml")
	if err != nil {
		return fmt.Errorf("read the contract: %w", err)
	}
	w.features = history.Features{
		Idempotency: strings.Contains(contract, "Idempotency-Key"),
		Retry:       strings.Contains(contract, "/jobs/{id}/retry"),
		Webhooks:    w.callbackAllowed(ctx),
		Clock:       w.clock.library != "",
	}
	w.log.Change(func(h *history.History) { h.Tests = w.features })
	return nil
}

// callbackAllowed reports whether a job may have a callback on this machine. It
// asks with a job that is at fault otherwise, so that none is made.
func (w *world) callbackAllowed(ctx context.Context) bool {
	body := `{"agent":"A05","input":{},"callback_url":"` + w.hooks + `/probe"}`
	answer, text := newClient(w.apiURLs, w.key).fetch(ctx, http.MethodPost, "/jobs", []byte(body), nil, answerWithin)
	return answer.Status/100 == 4 && !strings.Contains(string(text), "callback_url")
}

// fetch returns the body of a 200.
func fetch(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("got %s", resp.Status)
	}
	return string(body), err
}

// noteExit records that a process ended without a signal of ours, with the
// last line of its log.
func (w *world) noteExit(p *process, up time.Duration, err error) {
	e := history.Exit{At: time.Now(), Name: p.name, Up: up, Reason: err.Error()}
	if text, err := os.ReadFile(p.logPath); err == nil {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		e.Reason += ": " + lines[len(lines)-1]
	}
	w.log.Change(func(h *history.History) { h.Exits = append(h.Exits, e) })
}

// crashes looks through the logs for what no process must write.
func (w *world) crashes() []string {
	var found []string
	for _, p := range w.processes() {
		text, err := os.ReadFile(p.logPath) //nolint:gosec // a log of our own
		if err != nil {
			continue
		}
		for _, sign := range []string{"\npanic: ", "\nfatal error: ", "WARNING: DATA RACE", "panic=", "REDIS BUG REPORT"} {
			if i := strings.Index(string(text), sign); i >= 0 {
				end := min(len(text), i+2000)
				found = append(found, p.name+": "+strings.TrimSpace(string(text[i:end])))
			}
		}
	}
	return found
}
