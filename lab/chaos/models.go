//go:build unix

package main

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
)

// Every job bears a marker in its input, by which it is found in prompts, and
// in its metadata, by which it is found in the store.
const markerPrefix = "chaosjob-"

var markerPattern = regexp.MustCompile(markerPrefix + `\d+`)

func marker(n int) string { return markerPrefix + strconv.Itoa(n) }

// numberOf returns the number of a marker's job.
func numberOf(marker string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(marker, markerPrefix), 10, 32) // a marker of ours, or 0 for none
	return n
}

// models is the mock model server, and the calls that were made for each job.
type models struct {
	mu    sync.Mutex
	calls map[string]int // by marker
}

// openModels starts the mock model server.
func (w *world) openModels() error {
	m := models{calls: map[string]int{}}
	url, err := w.serve(mockllm.New(mockllm.Config{
		Seed: w.cfg.seed,
		Direct: func(a mockllm.Ask) (mockllm.Act, bool) {
			job := markerPattern.FindString(a.Prompt)
			return w.act(job, m.count(job)), true
		},
		OnCall: func(a mockllm.Ask, c mockllm.Call) {
			lane := tasks.Cloud
			if c.Provider == mockllm.Ollama {
				lane = tasks.Local
			}
			w.log.Job(markerPattern.FindString(a.Prompt), func(j *history.Job) {
				j.Calls = append(j.Calls, history.Call{Lane: lane, Call: c})
			})
		},
	}))
	w.models = url
	return err
}

// count returns how many calls were made for a job, this one included.
func (m *models) count(job string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[job]++
	return m.calls[job]
}

// act draws what happens in the nth call for a job. Most calls are answered
// within two seconds; some take long enough for a worker to die meanwhile.
func (w *world) act(job string, n int) mockllm.Act {
	r := w.cfg.draw(drawCalls, numberOf(job)<<8+uint64(n)) //nolint:gosec // a count of calls
	short := 50*time.Millisecond + time.Duration(r.ExpFloat64()*float64(450*time.Millisecond))
	short = min(short, 2*time.Second)
	switch p := r.Float64(); {
	case p < 0.03:
		return mockllm.Act{Fault: mockllm.ServerError, Wait: short / 4}
	case p < 0.05:
		return mockllm.Act{Fault: mockllm.RateLimited}
	case p < 0.07:
		return mockllm.Act{Fault: mockllm.Drop, Takes: short}
	case p < 0.08:
		return mockllm.Act{Fault: mockllm.InvalidJSON, Takes: short}
	case p < 0.085:
		return mockllm.Act{Fault: mockllm.Stall}
	case p < 0.12:
		return mockllm.Act{Takes: 3*time.Second + share(r.Float64(), 4*time.Second)}
	}
	return mockllm.Act{Takes: short}
}

// share returns a share of a time.
func share(part float64, of time.Duration) time.Duration { return time.Duration(part * float64(of)) }
