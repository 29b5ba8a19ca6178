//go:build unix

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/tasks"
)

// This reads keys by their names and not through the store, so that a bug in the
// store cannot hide itself.
var jobKey = regexp.MustCompile(`^spillway:(\{\d+\}):job:(job_[0-9a-f]{32})$`)

const jobKeys = "spillway:{*}:job:job_*"

// settle waits until every job in the store has ended, and then for a while
// until every webhook that is due was taken.
func (w *world) settle(ctx context.Context) error {
	var ended time.Time // when all jobs had
	for {
		jobs, hooks, err := w.unsettled(ctx)
		switch {
		case err != nil || jobs > 0:
			ended = time.Time{}
		case ended.IsZero():
			ended = time.Now()
		}
		if !ended.IsZero() && (hooks == 0 || time.Since(ended) > w.cfg.hooks) {
			return nil
		}
		sleep(ctx, 500*time.Millisecond)
		if ctx.Err() != nil {
			return cmp.Or(err, fmt.Errorf("%d jobs and %d webhooks are under way", jobs, hooks))
		}
	}
}

// unsettled counts the jobs that have not ended, and those that have and whose
// webhook was not taken yet.
func (w *world) unsettled(ctx context.Context) (jobs, hooks int, err error) {
	records, _, err := w.records(ctx)
	if err != nil {
		return 0, 0, err
	}
	for marker, list := range records {
		for i := range list {
			if !list[i].State.Terminal() {
				jobs++
				continue
			}
			w.log.Job(marker, func(j *history.Job) {
				if j.Callback && w.features.Webhooks && !j.Notified(&list[i]) {
					hooks++
				}
			})
		}
	}
	return jobs, hooks, nil
}

// collect reads what the store holds into the history, and returns it.
func (w *world) collect(ctx context.Context) (*history.History, error) {
	records, strangers, err := w.records(ctx)
	if err != nil {
		return nil, err
	}
	left, err := w.leftovers(ctx)
	if err != nil {
		return nil, err
	}
	left.Strangers = strangers
	var whole *history.History
	w.log.Change(func(h *history.History) {
		for marker, list := range records {
			j := h.Jobs[marker]
			if j == nil && strings.HasPrefix(marker, floodPrefix) { // its batch got no answer
				j = &history.Job{Marker: marker, Plan: "part of a flood", Flood: true}
				h.Jobs[marker] = j
			}
			if j != nil {
				j.Stored = list
			} else {
				for i := range list {
					h.Left.Strangers = append(h.Left.Strangers, list[i].ID)
				}
			}
		}
		left.Strangers = append(left.Strangers, h.Left.Strangers...)
		h.Left, h.Crashes = left, w.crashes()
		whole = h
	})
	return whole, nil
}

// records reads every job in the store, by marker, and the IDs of those that
// bear none.
func (w *world) records(ctx context.Context) (byMarker map[string][]history.Record, strangers []string, err error) {
	byMarker = map[string][]history.Record{}
	unrelayed, err := w.unrelayed(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys := w.rdb.Scan(ctx, 0, jobKeys, 1000).Iterator()
	seen := map[string]bool{}
	for keys.Next(ctx) {
		part := jobKey.FindStringSubmatch(keys.Val())
		if part == nil || seen[keys.Val()] {
			continue
		}
		seen[keys.Val()] = true
		r, marker, err := w.record(ctx, keys.Val(), part[2])
		if err != nil {
			return nil, nil, err
		}
		r.Relayed = !unrelayed[r.ID]
		if marker == "" {
			strangers = append(strangers, r.ID)
			continue
		}
		byMarker[marker] = append(byMarker[marker], r)
	}
	if err := keys.Err(); err != nil {
		return nil, nil, fmt.Errorf("scan the store: %w", err)
	}
	return byMarker, strangers, nil
}

// record reads one job.
func (w *world) record(ctx context.Context, key, id string) (history.Record, string, error) {
	pipe := w.rdb.Pipeline()
	hash := pipe.HGetAll(ctx, key)
	result := pipe.Exists(ctx, key+":result")
	log := pipe.LRange(ctx, key+":events", 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return history.Record{}, "", fmt.Errorf("read %s: %w", key, err)
	}
	h := hash.Val()
	r := history.Record{ID: id, State: tasks.State(h["state"]), Settled: h["settled"], Result: result.Val() == 1}
	r.Deadline, r.Ended = millis(h["deadline"]), millis(h["ended"])
	r.Attempt, _ = strconv.Atoi(h["attempt"])          // what cannot be read shows as a fault
	r.Sequence, _ = strconv.ParseInt(h["seq"], 10, 64) // likewise
	var before time.Time
	entries := log.Val()
	if h["logged"] == "" && (len(entries) == 0 || strings.HasPrefix(entries[0], "2 ")) { // the record holds the first one
		entries = append([]string{"1 0 " + h["created"] + " job.queued {}"}, entries...)
	}
	for _, entry := range entries {
		e := event(entry)
		e.At = w.clock.machine(e.At, before)
		before = e.At
		r.Events = append(r.Events, e)
	}
	var spec struct {
		Metadata map[string]string `json:"metadata"`
	}
	_ = json.Unmarshal([]byte(h["spec"]), &spec) // likewise: the job is a stranger then
	if err := w.notices(ctx, &r); err != nil {
		return r, "", err
	}
	return r, spec.Metadata["chaos"], nil
}

// event reads an entry of a log: number, attempt, time, type, data.
func event(entry string) history.Event {
	part := strings.SplitN(entry, " ", 5)
	part = append(part, make([]string, 5)...)
	e := history.Event{Type: tasks.EventType(part[3]), At: millis(part[2]), Data: part[4]}
	e.Sequence, _ = strconv.ParseInt(part[0], 10, 64)
	e.Attempt, _ = strconv.Atoi(part[1])
	return e
}

// millis reads a time as the store writes it; the zero time if there is none.
func millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// notices looks up what the queue knows of the webhooks for the job's ends.
func (w *world) notices(ctx context.Context, r *history.Record) error {
	for _, id := range r.EndIDs() {
		state, err := w.rdb.HGet(ctx, "asynq:{webhooks}:t:"+id, "state").Result()
		switch {
		case errors.Is(err, redis.Nil):
		case err != nil:
			return fmt.Errorf("read the queue of webhooks: %w", err)
		default:
			if r.Webhooks == nil {
				r.Webhooks = map[string]string{}
			}
			r.Webhooks[id] = state
		}
	}
	return nil
}

// unrelayed lists the jobs with changes that the relay of webhooks has not
// acknowledged yet.
func (w *world) unrelayed(ctx context.Context) (map[string]bool, error) {
	ids := map[string]bool{}
	outboxes, err := w.rdb.Keys(ctx, "spillway:{*}:outbox").Result()
	if err != nil {
		return nil, fmt.Errorf("look for outboxes: %w", err)
	}
	for _, key := range outboxes {
		groups, err := w.rdb.XInfoGroups(ctx, key).Result()
		if err != nil {
			return nil, fmt.Errorf("read the groups of %s: %w", key, err)
		}
		for _, g := range groups {
			from := "(" + g.LastDeliveredID
			if g.Pending > 0 {
				p, err := w.rdb.XPending(ctx, key, g.Name).Result()
				if err != nil {
					return nil, fmt.Errorf("read what is pending in %s: %w", key, err)
				}
				from = p.Lower
			}
			entries, err := w.rdb.XRange(ctx, key, from, "+").Result()
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", key, err)
			}
			for _, e := range entries {
				id, _ := e.Values["job"].(string)
				ids[id] = true
			}
		}
	}
	return ids, nil
}

// leftovers reads what must be empty when all jobs have ended.
func (w *world) leftovers(ctx context.Context) (history.Leftovers, error) {
	left := history.Leftovers{Open: map[string]int{}}
	for name, sum := range map[string]*int{"due": &left.Due, "waiting": &left.Waiting} {
		keys, err := w.rdb.Keys(ctx, "spillway:{*}:"+name).Result()
		if err != nil {
			return left, fmt.Errorf("look for %s: %w", name, err)
		}
		for _, key := range keys {
			n, err := w.rdb.ZCard(ctx, key).Result()
			if err != nil {
				return left, fmt.Errorf("read %s: %w", key, err)
			}
			*sum += int(n)
		}
	}
	counters, err := w.rdb.Keys(ctx, "spillway:{*}:counters").Result()
	if err != nil {
		return left, fmt.Errorf("look for counters: %w", err)
	}
	for _, key := range counters {
		fields, err := w.rdb.HGetAll(ctx, key).Result()
		if err != nil {
			return left, fmt.Errorf("read %s: %w", key, err)
		}
		for name, value := range fields {
			if state, ok := strings.CutPrefix(name, "now:"); ok {
				n, _ := strconv.Atoi(value)
				left.Open[state] += n
			}
		}
	}
	return left, nil
}
