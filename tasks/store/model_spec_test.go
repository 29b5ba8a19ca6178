package store_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// The settings that the model knows.
const (
	lease     = 8 * time.Second
	recheck   = 30 * time.Second
	firstLook = 5 * time.Second
)

// spec is one job as it should be: the state machine in plain Go, which the
// scripts are held against. Methods take the time at which they happen. A call
// number stands for one call of a caller, however often it reaches Redis.
type spec struct {
	number     int // for the log
	id         string
	lanes      []tasks.Lane
	callback   bool
	deadlineIn time.Duration
	spillIn    time.Duration
	retention  time.Duration

	state     tasks.State
	attempt   int
	lane      tasks.Lane
	exhausted []tasks.Lane
	follows   string // the equal job that it waits for
	answered  string // the equal job whose result it has
	crashes   int
	settled   string   // "<attempt> <step>" of the last attempt that settled the job
	records   []string // "<attempt> <outcome>"
	result    string
	failure   tasks.Code
	log       []event
	retries   int
	costs     map[int]tasks.Money // by attempt

	runAt, spill, deadline, due, since, started, ended time.Time

	claimed, looked, canceled, retried int // the last calls that did so
	found                              store.Overdue
}

// event is what the model knows of an event in a job's log.
type event struct {
	typ     tasks.EventType
	attempt int
}

// gone reports whether the job's retention is over.
func (s *spec) gone(now time.Time) bool {
	return s.state.Terminal() && !now.Before(s.ended.Add(s.retention))
}

func (s *spec) tell(typ tasks.EventType) { s.log = append(s.log, event{typ, s.attempt}) }

func (s *spec) enter(state tasks.State) {
	s.state = state
	s.tell(tasks.EventOf(state))
}

// look has the watchdog look at the job after a while, and not after its
// deadline, nor after its spill time.
func (s *spec) look(now time.Time, after time.Duration) {
	s.due = now.Add(after)
	if s.deadline.Before(s.due) {
		s.due = s.deadline
	}
	if s.due.Before(now) {
		s.due = now
	}
	if s.spill.After(now) && s.spill.Before(s.due) {
		s.due = s.spill
	}
}

func (s *spec) enqueue(now time.Time, after time.Duration) {
	s.since = now
	s.enter(tasks.Queued)
	s.look(now, after)
}

func (s *spec) finish(now time.Time, state tasks.State) {
	s.ended, s.due, s.claimed = now, time.Time{}, 0
	s.enter(state)
}

// queue is where a queued job waits.
func (s *spec) queue() string {
	if s.follows != "" {
		return store.SharedQueue + "high"
	}
	for _, l := range s.lanes {
		if !slices.Contains(s.exhausted, l) {
			return string(l) + ".high"
		}
	}
	return "none.high"
}

func (s *spec) create(now time.Time, wait, spill, deadline time.Duration) {
	s.deadlineIn, s.deadline = deadline, now.Add(wait+deadline)
	s.spillIn, s.spill = spill, now.Add(wait+spill)
	if wait > 0 {
		s.runAt, s.due = now.Add(wait), now.Add(wait)
		s.enter(tasks.Scheduled)
		return
	}
	s.enqueue(now, firstLook)
}

func (s *spec) claim(now time.Time, call int, lane tasks.Lane) store.Verdict {
	switch {
	case s.gone(now):
		return store.Unknown
	case s.state.Terminal():
		return store.Ended
	case s.state == tasks.Scheduled:
		return store.Busy
	case (s.state == tasks.Running) != (s.claimed == call): // another runs it, or this call has had its turn
		return store.Busy
	case s.state == tasks.Queued && slices.Contains(s.exhausted, lane):
		return store.Spent
	case s.state == tasks.Queued && s.follows != "" && lane != tasks.Scorecard:
		return store.Follows
	case s.state == tasks.Queued:
		s.attempt++
		s.follows = ""
		s.lane, s.claimed = lane, call
		if s.started.IsZero() {
			s.started = now
		}
		s.enter(tasks.Running)
	}
	s.due = now.Add(lease)
	return store.Claimed
}

// admit says whether an attempt may write. A step that the attempt has settled
// the job by is done already.
func (s *spec) admit(now time.Time, attempt int, step string) (done bool, err error) {
	switch {
	case s.state == tasks.Running && s.attempt == attempt:
		return false, nil
	case !s.gone(now) && step != "" && s.settled == strconv.Itoa(attempt)+" "+step:
		return true, nil
	case !s.gone(now) && s.state == tasks.Canceled:
		return true, store.ErrCanceled
	}
	return true, store.ErrStale
}

func (s *spec) renew(now time.Time, attempt int) error {
	done, err := s.admit(now, attempt, "")
	if !done {
		s.due = now.Add(lease)
	}
	return err
}

func (s *spec) append(now time.Time, attempt int, news []store.LogEvent) error {
	done, err := s.admit(now, attempt, "")
	if !done {
		s.tellAll(news)
	}
	return err
}

func (s *spec) tellAll(news []store.LogEvent) {
	for _, n := range news {
		s.tell(n.Type)
	}
}

// spend counts what an attempt has cost so far.
func (s *spec) spend(now time.Time, attempt int, sofar tasks.Money) error {
	if s.gone(now) {
		return store.ErrStale
	}
	if s.costs == nil {
		s.costs = map[int]tasks.Money{}
	}
	s.costs[attempt] = max(s.costs[attempt], sofar)
	return nil
}

// cost is what all attempts have cost.
func (s *spec) cost() (sum tasks.Money) {
	for _, c := range s.costs {
		sum += c
	}
	return sum
}

// settle ends an attempt by one of the steps complete, fail and release.
func (s *spec) settle(now time.Time, attempt int, step string, then func()) error {
	done, err := s.admit(now, attempt, step)
	if !done {
		s.settled = strconv.Itoa(attempt) + " " + step
		s.note(step)
		then()
	}
	return err
}

func (s *spec) note(outcome string) {
	s.records = append(s.records, strconv.Itoa(s.attempt)+" "+outcome)
}

func (s *spec) release(now time.Time, r store.Release) {
	if r.Forgive {
		s.exhausted = nil
	}
	if r.Exhausted != "" {
		s.exhausted = append(s.exhausted, r.Exhausted)
	}
	after := firstLook
	if r.Recheck > 0 {
		after = r.Recheck
	}
	s.enqueue(now, after)
}

func (s *spec) cancel(now time.Time, call int) tasks.Code {
	switch {
	case s.gone(now):
		return tasks.CodeNotFound
	case s.canceled == call:
		return ""
	case s.state == tasks.Succeeded || s.state == tasks.Failed:
		return tasks.CodeConflict
	}
	s.canceled = call
	if s.state == tasks.Running {
		s.note(tasks.OutcomeCanceled)
	}
	if s.state != tasks.Canceled {
		s.finish(now, tasks.Canceled)
	}
	return ""
}

func (s *spec) retry(now time.Time, call int, full bool) tasks.Code {
	switch {
	case s.gone(now):
		return tasks.CodeNotFound
	case s.retried == call:
		return ""
	case s.state != tasks.Failed && s.state != tasks.Canceled:
		return tasks.CodeConflict
	case full:
		return tasks.CodeQuota
	}
	s.retried = call
	s.retries++
	s.failure, s.exhausted, s.crashes, s.follows = "", nil, 0, ""
	s.runAt, s.started, s.ended = time.Time{}, time.Time{}, time.Time{}
	s.deadline, s.spill = now.Add(s.deadlineIn), now.Add(s.spillIn)
	s.enqueue(now, firstLook)
	return ""
}

func (s *spec) overdue(now time.Time, call int) store.Overdue {
	switch {
	case s.gone(now):
		return store.Fresh
	case s.looked == call:
		return s.found
	case s.due.IsZero() || s.due.After(now):
		return store.Fresh
	}
	s.looked = call
	switch {
	case s.state == tasks.Running:
		s.crashes++
		s.note(tasks.OutcomeWorkerLost)
		s.enqueue(now, firstLook)
		s.found = store.Lapsed
	case s.state == tasks.Scheduled:
		s.enqueue(now, firstLook)
		s.found = store.Idle
	case s.deadline.After(now):
		s.look(now, recheck)
		s.found = store.Idle
	default:
		s.due = now.Add(firstLook)
		s.found = store.Expired
	}
	return s.found
}

// before is the order in which jobs of one queue wait.
func (s *spec) before(o *spec) bool {
	return s.since.Before(o.since) || s.since.Equal(o.since) && strings.Compare(s.id, o.id) < 0
}
