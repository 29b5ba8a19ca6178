//go:build unix

package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/lab/scripted"
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

// churn is a valid answer of agent A05, in ASCII, so that it can be cut
// anywhere.
const churn = `{"summary":"Orders have stopped; the customer is at risk.","level":"medium","score":45,"confidence":"low",` +
	`"drivers":[{"direction":"up","weight":20,"text":"No order for long","evidence":"orders=[]"}],` +
	`"risks":[{"severity":"medium","text":"The customer may leave"}],` +
	`"next_actions":[{"who":"sales","what":"call the customer","when":"this week"}],"missing":["contacts"]}`

// openModels starts the scripted model server.
func (w *world) openModels() error {
	url, err := w.serve(scripted.New(scripted.Config{
		Marker: markerPattern, Script: w.act, Answer: churn,
		Tell: func(c scripted.Call) {
			w.log.Job(c.Job, func(j *history.Job) { j.Calls = append(j.Calls, c) })
		},
	}))
	w.models = url
	return err
}

// act draws what happens in the nth call for a job. Most calls are answered
// within two seconds; some take long enough for a worker to die meanwhile.
func (w *world) act(job string, n int) scripted.Act {
	r := w.cfg.draw(drawCalls, numberOf(job)<<8+uint64(n)) //nolint:gosec // a count of calls
	short := 50*time.Millisecond + time.Duration(r.ExpFloat64()*float64(450*time.Millisecond))
	short = min(short, 2*time.Second)
	switch p := r.Float64(); {
	case p < 0.03:
		return scripted.Act{Manner: scripted.Fail, Takes: short / 4}
	case p < 0.05:
		return scripted.Act{Manner: scripted.Busy}
	case p < 0.07:
		return scripted.Act{Manner: scripted.Drop, Takes: short}
	case p < 0.08:
		return scripted.Act{Manner: scripted.Babble, Takes: short}
	case p < 0.085:
		return scripted.Act{Manner: scripted.Hang}
	case p < 0.12:
		return scripted.Act{Manner: scripted.Answer, Takes: 3*time.Second + share(r.Float64(), 4*time.Second)}
	}
	return scripted.Act{Manner: scripted.Answer, Takes: short}
}

// share returns a share of a time.
func share(part float64, of time.Duration) time.Duration { return time.Duration(part * float64(of)) }
