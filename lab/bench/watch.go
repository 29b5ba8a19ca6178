//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// spareFiles is what a process opens in addition to event streams.
const spareFiles = 500

// watch has one API hold open an event stream for each of many jobs. It compares
// the memory before and after, and when a job's state changed with when its
// watcher got it.
func watch(ctx context.Context, cfg config) ([]row, error) {
	n := cfg.watchers
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && n+spareFiles > int(min(limit.Cur, 1<<30)) {
		n = int(limit.Cur) - spareFiles //nolint:gosec // below n
		fmt.Printf("ONLY %d WATCHERS INSTEAD OF %d: the limit of open files is %d; raise it with ulimit -n\n", n, cfg.watchers, limit.Cur)
	}
	w, err := open(ctx, cfg, fmt.Sprintf("SPILLWAY_API_MAX_STREAMS=%d", 2*n)) // of which a tenant has half
	if err != nil {
		return nil, err
	}
	defer w.close()
	ids, err := w.post(n)
	if err != nil {
		return nil, err
	}
	before, err := w.memory(ctx)
	if err != nil {
		return nil, err
	}
	v := &view{w: w}
	defer v.close()
	if err := v.open(ids); err != nil {
		return nil, err
	}
	after, err := w.memory(ctx)
	if err != nil {
		return nil, err
	}
	took, err := v.change(ctx, ids[:min(n, 1000*int(cfg.span/time.Second))])
	if err != nil {
		return nil, err
	}
	each := (after - before) / n
	return []row{
		{what: fmt.Sprintf("memory per watcher, %s of them (heap and stacks)", count(n)), figure: fmt.Sprintf("%.1f KiB", float64(each)/1024), goal: "≤ 32 KiB", met: each <= 32<<10},
		{what: "from a change of state to its watcher, 500 a second", figure: fmt.Sprintf("p50 %s, p99 %s", ms(took.at(0.5)), ms(took.at(0.99)))},
	}, nil
}

// post makes n jobs, and returns their IDs.
func (w *world) post(n int) ([]string, error) {
	var mu sync.Mutex
	var ids []string
	for len(ids) < n {
		_, err := w.calling(callers, 200*time.Millisecond, func(c *caller) error {
			j, err := c.job("POST /jobs", w.key, once(), opportunity(uuid.NewString(), ""))
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, j.ID)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return ids[:n], nil
}

// memory returns the bytes of the API's live heap and of its stacks.
func (w *world) memory(ctx context.Context) (int, error) {
	// The first collection may only begin to free what the second one finds.
	if _, err := look(ctx, w.probe, "heap?gc=1&debug=1"); err != nil {
		return 0, err
	}
	text, err := look(ctx, w.probe, "heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	heap, stack := figure(text, "# HeapAlloc = "), figure(text, "# Stack = ")
	if heap == 0 || stack == 0 {
		return 0, fmt.Errorf("the profile of the heap does not tell its size")
	}
	return heap + stack, nil
}

// figure returns the number that follows a name.
func figure(text []byte, name string) int {
	_, rest, _ := bytes.Cut(text, []byte(name))
	end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	n, _ := strconv.Atoi(string(rest[:max(end, 0)]))
	return n
}

// view is many watchers.
type view struct {
	w       *world
	callers []*caller
	reading sync.WaitGroup

	mu   sync.Mutex
	took times
}

// event is what the benchmark reads of an event.
type event struct {
	Type string    `json:"type"`
	At   time.Time `json:"at"`
}

// open opens an event stream for each job, a few at a time, and waits for the
// first event of each.
func (v *view) open(ids []string) error {
	v.callers = make([]*caller, len(ids))
	failed := make([]error, len(ids))
	turns := make(chan struct{}, callers)
	var all sync.WaitGroup
	for i, id := range ids {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			v.callers[i], failed[i] = v.watch(id)
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// watch opens the event stream of a job, and reads it in the background.
func (v *view) watch(id string) (*caller, error) {
	conn, err := v.w.call()
	if err != nil {
		return nil, err
	}
	if err := conn.send("GET /jobs/"+id+"/events", v.w.key, "", ""); err != nil {
		return conn, err
	}
	resp, err := http.ReadResponse(conn.r, nil) //nolint:bodyclose // it ends with the connection
	if err != nil {
		return conn, err
	}
	if resp.StatusCode != http.StatusOK {
		return conn, fmt.Errorf("event stream: status %d", resp.StatusCode)
	}
	lines := bufio.NewScanner(resp.Body)
	if _, err := next(lines); err != nil {
		return conn, err
	}
	v.reading.Go(func() {
		for {
			e, err := next(lines)
			if err != nil { // the stream has ended
				return
			}
			late := time.Since(e.At) - time.Millisecond/2 // times are in whole milliseconds
			v.mu.Lock()
			v.took = append(v.took, late)
			v.mu.Unlock()
		}
	})
	return conn, nil
}

// next reads the next event of a stream.
func next(lines *bufio.Scanner) (e event, err error) {
	for lines.Scan() {
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			return e, json.Unmarshal(data, &e)
		}
	}
	return e, fmt.Errorf("the stream has ended: %w", lines.Err())
}

// change cancels jobs, 500 a second, and returns how long each watcher waited
// for the news.
func (v *view) change(ctx context.Context, ids []string) (times, error) {
	c, err := v.w.call()
	if err != nil {
		return nil, err
	}
	defer c.close()
	began := time.Now()
	for i, id := range ids {
		time.Sleep(time.Until(began.Add(time.Duration(i) * 2 * time.Millisecond)))
		if _, err := c.job("POST /jobs/"+id+"/cancel", v.w.key, "", ""); err != nil {
			return nil, err
		}
	}
	told := func() int {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.took)
	}
	if err := until(ctx, func() bool { return told() >= len(ids) }); err != nil {
		return nil, fmt.Errorf("%d of %d watchers were told: %w", told(), len(ids), err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return append(times(nil), v.took...), nil
}

// close ends all streams.
func (v *view) close() {
	for _, c := range v.callers {
		if c != nil {
			c.close()
		}
	}
	v.reading.Wait()
}
