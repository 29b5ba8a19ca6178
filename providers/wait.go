package providers

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// closed is for how long a candidate of a run is not to be asked. The zero value
// is one that may be asked.
type closed struct {
	lost      bool            // it has failed, and is not asked again in this run
	until     time.Time       // it was refused until then
	ready     <-chan struct{} // or until this is closed; nil: never
	condition Condition
	refused   string // the reason of the last refusal that was reported; "" after a call
}

// turnedAway is when a candidate is asked again whose server has reported that there
// were too many requests, and not for how long.
const turnedAway = 2 * time.Second

// close notes that a candidate gave no answer.
func (c *closed) close(err error) {
	after := retryAfter(err)
	c.lost, c.until, c.ready, c.condition = false, time.Now().Add(after), ready(err), Lasting
	refusal, refused := errors.AsType[*Refusal](err)
	switch class := ClassOf(err); {
	case refused && after > 0:
		c.condition = refusal.Condition
	case class == ClassRateLimited:
		c.condition, c.until = Busy, time.Now().Add(cmp.Or(after, turnedAway))
	case class == ClassOverloaded && after > 0:
		c.condition = Failing
	default:
		c.lost = true
	}
}

// ready is what is closed when a refusal is over before its time; nil: nothing.
func ready(err error) <-chan struct{} {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Ready
	}
	return nil
}

// due reports whether a candidate may be asked now, for the first time or again.
func (w *walk) due(i int) bool {
	c := &w.closed[i]
	if c.lost {
		return false
	}
	select {
	case <-c.ready:
		return true
	default:
		return !time.Now().Before(c.until)
	}
}

// wait waits for the first candidate that is worth waiting for. It reports false,
// at once, when there is none that comes before the route's WaitUntil, and false
// when ctx ends meanwhile.
func (w *walk) wait(ctx context.Context) bool {
	if w.mustStop() {
		return false
	}
	first := w.route.WaitUntil
	woken := make(chan struct{}, 1)
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range w.closed {
		c := &w.closed[i]
		if c.lost || c.condition == Lasting || w.passOver(i) {
			continue
		}
		if c.until.Before(first) {
			first = c.until
		}
		if c.ready != nil {
			go wake(over, c.ready, woken)
		}
	}
	return first.Before(w.route.WaitUntil) && sleep(ctx, time.Until(first), woken)
}

// wake passes on that ready is closed.
func wake(ctx context.Context, ready <-chan struct{}, woken chan<- struct{}) {
	select {
	case <-ready:
		select {
		case woken <- struct{}{}:
		default:
		}
	case <-ctx.Done():
	}
}

// end returns the error of a run that has brought no answer.
func (w *walk) end() *ExhaustedError {
	for i := range w.closed {
		c := w.closed[i]
		if w.passOver(i) {
			c.condition = Lasting // another's failure has ruled it out since
		}
		w.exhausted.comeBack(time.Until(c.until).Round(time.Millisecond), c.condition)
	}
	return w.exhausted
}
