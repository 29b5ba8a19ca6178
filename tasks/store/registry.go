package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// Beat notes that a worker is alive.
func (s *Store) Beat(ctx context.Context, w *tasks.Worker) error {
	body, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode worker: %w", err)
	}
	_, err = s.beat(ctx, w.ID, string(body))
	return err
}

// SignOff notes that a worker takes no more tickets. It is forgotten when its
// last heartbeat has aged; until then it is listed as leaving.
func (s *Store) SignOff(ctx context.Context, w *tasks.Worker) error {
	leaving := *w
	leaving.Leaving = true
	return s.Beat(ctx, &leaving)
}

// Workers returns the workers whose last heartbeat is not older than
// tasks.HeartbeatTTL by the clock of Redis, those that are leaving included. Just
// after Redis was unavailable it also returns those that lived before, until they have
// had the time to say so again.
func (s *Store) Workers(ctx context.Context) ([]tasks.Worker, error) {
	lines, err := s.beat(ctx, "", "")
	if err != nil {
		return nil, err
	}
	workers := make([]tasks.Worker, 0, len(lines))
	for _, line := range lines {
		seen, body, _ := strings.Cut(line, " ")
		var w tasks.Worker
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			continue // from a version we do not know
		}
		w.SeenAt = millis(seen)
		workers = append(workers, w)
	}
	return workers, nil
}

// BeatAge returns the age of the freshest heartbeat of any worker but the one
// named. Without one it is longer than tasks.HeartbeatTTL.
func (s *Store) BeatAge(ctx context.Context, except string) (time.Duration, error) {
	workers, err := s.Workers(ctx)
	if err != nil {
		return 0, err
	}
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return 0, fmt.Errorf("read the clock: %w", unavailable(err))
	}
	age := tasks.HeartbeatTTL + time.Second
	for _, w := range workers {
		if w.ID != except {
			age = min(age, now.Sub(w.SeenAt))
		}
	}
	return age, nil
}

func (s *Store) beat(ctx context.Context, id, body string) ([]string, error) {
	lines, err := beatScript.Run(ctx, s.rdb, []string{workersKey}, id, body, tasks.HeartbeatTTL.Milliseconds()).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("worker registry: %w", unavailable(err))
	}
	return lines, nil
}

// Counters returns how many jobs are in each waiting state now ("now:queued"),
// how often each state was entered ("total:succeeded"), and how many jobs of each
// tenant wait ("waiting:acme").
func (s *Store) Counters(ctx context.Context) (map[string]int64, error) {
	sum := map[string]int64{}
	for _, sh := range s.shards() {
		h, err := s.rdb.HGetAll(ctx, sh.counters()).Result()
		if err != nil {
			return nil, fmt.Errorf("read counters: %w", unavailable(err))
		}
		for name, v := range h {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read counter %s: %w", name, err)
			}
			sum[name] += n
		}
	}
	return sum, nil
}
