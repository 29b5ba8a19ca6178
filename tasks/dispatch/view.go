package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

// View is the state of the system as decisions about tickets need it.
type View struct {
	Live    Live
	backlog map[string]int // waiting jobs by queue
	learned map[store.LearnedKey]store.Learned
	agents  *agents.Catalogue
	order   agents.CloudOrder
	number  int // of the reads of this process

	means       map[string]time.Duration // by queueOf; nil: not computed yet
	longestCall map[tasks.Lane]time.Duration
	limitOf     func(candidate string) Limit // nil: nothing is limited
}

const (
	// viewTTL is how long a View is reused: short beside the time after which a silent
	// worker counts as gone. Each worker lengthens it by viewShare, up to longestTTL, so
	// that many workers do not read ever more of each other.
	viewTTL    = 500 * time.Millisecond
	viewShare  = 10 * time.Millisecond
	longestTTL = 2 * time.Second
	// readTimeout bounds a read of the state, for all callers that wait for it.
	readTimeout = 5 * time.Second
)

// viewCache saves Redis a read per job.
type viewCache struct {
	reads singleflight.Group

	mu    sync.Mutex
	view  View
	until time.Time
}

// View returns the system as it is now, or was a moment ago.
func (d *Dispatcher) View(ctx context.Context) (View, error) {
	d.cache.mu.Lock()
	view, valid := d.cache.view, time.Now().Before(d.cache.until)
	d.cache.mu.Unlock()
	if valid {
		return view, nil
	}
	return d.FreshView(ctx)
}

// FreshView returns the system as it is now, for decisions that must not be based on
// a state of a moment ago.
func (d *Dispatcher) FreshView(ctx context.Context) (View, error) {
	read := d.cache.reads.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		return d.readView(ctx)
	})
	select {
	case <-ctx.Done():
		return View{}, context.Cause(ctx)
	case r := <-read:
		view, _ := r.Val.(View)
		return view, r.Err
	}
}

// readView reads the system's state and caches it.
func (d *Dispatcher) readView(ctx context.Context) (View, error) {
	workers, err := d.store.Workers(ctx)
	if err != nil {
		return View{}, err
	}
	backlog, err := d.store.Backlog(ctx, slices.Concat(queue.Names(tasks.Local), queue.Names(tasks.Cloud)))
	if err != nil {
		return View{}, err
	}
	learned, err := d.store.Learned(ctx)
	if err != nil {
		return View{}, err
	}
	view := View{Live: LiveOf(workers), backlog: backlog, learned: learned, agents: d.agents, order: d.cfg.CloudOrder, longestCall: d.cfg.LongestCall, limitOf: d.cfg.LimitOf}
	means := map[string]time.Duration{}
	for _, lane := range []tasks.Lane{tasks.Local, tasks.Cloud} {
		for _, c := range tasks.Complexities() {
			means[queueOf(lane, c)] = view.mean(lane, c)
		}
	}
	view.means = means
	d.cache.mu.Lock()
	defer d.cache.mu.Unlock()
	view.number = d.cache.view.number + 1
	ttl := min(max(viewTTL, time.Duration(len(workers))*viewShare), longestTTL)
	d.cache.view, d.cache.until = view, time.Now().Add(ttl)
	return view, nil
}

// Backlog returns how many jobs wait in the queue of a job on a lane.
func (v View) Backlog(lane tasks.Lane, j *tasks.Job) int {
	return v.backlog[queue.Name(lane, j.Complexity, j.Priority)]
}

// Waiting returns how many jobs wait for a lane with a model.
func (v View) Waiting() int {
	n := 0
	for _, waiting := range v.backlog {
		n += waiting
	}
	return n
}

// ServesModels reports whether any worker serves a lane with a model.
func (v View) ServesModels() bool {
	for name, workers := range v.Live.Workers {
		if len(workers) > 0 && name != string(tasks.Scorecard) {
			return true
		}
	}
	return false
}

// forecast returns how long a job of an agent runs on a lane: no longer than a call
// may take there, or than the agent's jobs have time.
func (v View) forecast(lane tasks.Lane, agent string, c tasks.Complexity) Forecast {
	var target time.Duration
	most := v.longestCall[lane]
	if a, ok := v.agents.Lookup(agent); ok {
		target = a.Target.Std()
		if deadline := a.Deadline.Std(); most == 0 || deadline > 0 && deadline < most {
			most = deadline
		}
	}
	return forecast(lane, target, most, c, v.learned[store.LearnedKey{Agent: agent, Lane: lane}])
}

// Expected is how long a job is expected to run on a lane, at the median.
func (v View) Expected(lane tasks.Lane, j *tasks.Job) time.Duration {
	return v.forecast(lane, j.Agent, j.Complexity).Quantile(0.5)
}

// mean is how long the jobs of one complexity run on average on a lane.
func (v View) mean(lane tasks.Lane, c tasks.Complexity) time.Duration {
	if mean, ok := v.means[queueOf(lane, c)]; ok {
		return mean
	}
	var sum time.Duration
	n := 0
	for _, a := range v.agents.All() {
		if a.Complexity == c {
			sum += v.forecast(lane, a.ID, c).Mean()
			n++
		}
	}
	if n == 0 {
		return cloudPrior[c]
	}
	return sum / time.Duration(n)
}

// backlogBefore is how long a lane needs for the jobs before this one: those that
// run, taken to be half done, those in the queues that are emptied first, and
// `ahead` of its own.
func (v View) backlogBefore(lane tasks.Lane, j *tasks.Job, ahead int) time.Duration {
	return v.workBefore(lane, j, ahead) / time.Duration(max(1, v.Live.Slots[queueOf(lane, j.Complexity)]))
}

// workBefore is that time if the lane had one slot.
func (v View) workBefore(lane tasks.Lane, j *tasks.Job, ahead int) time.Duration {
	own, q := v.mean(lane, j.Complexity), queueOf(lane, j.Complexity)
	return v.queuedBefore(lane, j) + time.Duration(ahead)*own + time.Duration(v.Live.Running[q])*own/2
}

// queuedBefore is the work in the queues that are emptied before that of the job.
// In the cloud the complexities do not wait for one another.
func (v View) queuedBefore(lane tasks.Lane, j *tasks.Job) time.Duration {
	var work time.Duration
	for _, p := range tasks.Priorities() {
		for _, c := range tasks.Complexities() {
			q := queue.Name(lane, c, p)
			if q == queue.Name(lane, j.Complexity, j.Priority) {
				return work
			}
			if lane == tasks.Local || c == j.Complexity {
				work += time.Duration(v.backlog[q]) * v.mean(lane, c)
			}
		}
	}
	return work
}

// takenWithin is how long a worker with a free slot may leave a job in its queue.
const takenWithin = 5 * time.Second

// estimateStart fills in where a waiting job's ticket is, and when it is expected to
// start and end: on the lane on which that is soonest, if a live worker serves one.
// It ends by its deadline in any case. Nothing is said where nothing is known: its
// candidates have just failed and do not say for how long, or free slots leave it
// where it is.
func (v View) estimateStart(j *tasks.Job, now time.Time) {
	served := 0
	for _, lane := range modelLanes(j.OpenLanes()) {
		if !v.Serves(lane, j) {
			continue
		}
		q := queue.Name(lane, j.Complexity, j.Priority)
		ahead, from := j.Waiting.Position-1, now
		if served++; served > 1 {
			ahead, from = v.backlog[q], j.SpillAt
		} else {
			j.Waiting.Queue = q
		}
		start := later(from, now.Add(v.wait(lane, j, ahead)))
		room, refused := hasRoomAt(j, lane)
		switch {
		case refused && room.IsZero(), !refused && !start.After(now) && now.Sub(j.Waiting.Since) > takenWithin:
			continue
		case refused:
			start = later(start, room)
		}
		if known := j.Waiting.ExpectedStart; !known.IsZero() && !start.Before(known) {
			continue
		}
		j.Waiting.Queue = q
		j.Waiting.ExpectedStart = earlier(start, j.Deadline)
		j.Waiting.ExpectedEnd = earlier(start.Add(v.forecast(lane, j.Agent, j.Complexity).Quantile(0.5)), j.Deadline)
	}
}

// hasRoomAt reports whether the candidates of a lane gave no answer when the job was
// last there, and when the first of them is worth asking again; zero: none says.
func hasRoomAt(j *tasks.Job, lane tasks.Lane) (at time.Time, refused bool) {
	for _, a := range j.Attempts {
		if a.Number != j.Attempt || a.Lane != lane || a.Candidate == "" {
			continue
		}
		refused = true
		if at.IsZero() || !a.RetryAt.IsZero() && a.RetryAt.Before(at) {
			at = a.RetryAt
		}
	}
	return at, refused
}

// wait is how long a lane needs before it begins a job with so many in its queue
// ahead of it: until it has a free slot, and until the limits of its candidates let
// the job's call through.
func (v View) wait(lane tasks.Lane, j *tasks.Job, ahead int) time.Duration {
	limit, q := v.limit(lane, j), queueOf(lane, j.Complexity)
	slots := limit.slots(v.Live.Slots[q])
	if v.Live.Running[q] < slots && ahead == 0 {
		return 0
	}
	return max(v.workBefore(lane, j, ahead)/time.Duration(max(1, slots)), limit.turn(ahead))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		a = b
	}
	return a.UTC().Truncate(time.Millisecond)
}
