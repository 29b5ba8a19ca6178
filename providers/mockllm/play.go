package mockllm

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answer applies the provider's limits to a call, and then its behavior.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, svc *service, d dialect, a *ask, wrong *refusal, c *Call) {
	s.date(w)
	b, wait, ok := svc.acquire(a)
	if !ok {
		c.Outcome = string(RateLimited)
		d.refuse(w, a, refusal{fault: RateLimited, retry: seconds(wait)})
		return
	}
	defer svc.release()
	if wrong == nil {
		wrong = b.refuses(a)
	}
	if wrong != nil {
		c.Outcome = Rejected
		d.refuse(w, a, *wrong)
		return
	}
	act, directed := Act{}, false
	if s.config.Direct != nil {
		act, directed = s.config.Direct(a.Ask)
	}
	n := svc.next()
	rep := s.reply(&b, a, svc.load(a.Model, &b), n)
	if !directed {
		act = svc.act(&b, s.config.Seed, n)
		act.Wait += rep.load + rep.prefill
		act.Takes = rep.decode
	}
	if act.Fault == "" {
		act.Fault = None
	}
	c.Outcome = string(act.Fault)
	p := &player{w: w, r: r, d: d, a: a, rep: rep, act: act, behavior: &b}
	if shape, ok := shapeOf(svc.name, b.Shape); ok && shape.Serve != nil && !directed {
		c.Outcome, c.Output = Shaped, rep.usage.Output
		p.shaped(shape, a.body)
		return
	}
	if p.play() {
		c.Output = rep.usage.Output
	}
}

// refuses returns why a well-formed request is refused, or nil.
func (b *Behavior) refuses(a *ask) *refusal {
	room := a.room
	if b.Window > 0 && (room == 0 || b.Window < room) {
		room = b.Window
	}
	if room == 0 || a.input <= room {
		return nil
	}
	if b.SilentCut || a.cut {
		a.input = room
		return nil
	}
	a.room = room
	return &refusal{fault: ContextOverflow}
}

// seconds rounds up to whole seconds, as Retry-After has them.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// asynchronous is a dialect whose answers are fetched by further calls. It reports
// whether there will be one.
type asynchronous interface{ start(p *player) bool }

// player plays one call.
type player struct {
	w        http.ResponseWriter
	r        *http.Request
	d        dialect
	a        *ask
	rep      *reply
	act      Act
	behavior *Behavior
}

// play carries out the act. It reports whether a whole answer was sent.
func (p *player) play() bool {
	fault := p.act.Fault
	if fault.isRefusal() {
		if p.pause(p.act.Wait) {
			p.d.refuse(p.w, p.a, refusal{fault: fault, retry: p.retry(fault)})
		}
		return false
	}
	if fault == Refuse {
		panic(http.ErrAbortHandler)
	}
	if async, ok := p.d.(asynchronous); ok && fault != Garbage {
		p.spoil()
		return async.start(p)
	}
	if fault == None && p.act.Wait <= 0 && p.act.Takes <= 0 {
		p.w = whole{p.w}
	}
	v := p.d.responder(p.w, p.a)
	if fault == Garbage {
		v.garbage()
		return false
	}
	v.begin(p.rep)
	v.heartbeat()
	if fault == Hang || !p.wait(v) {
		p.silence(v)
		return false
	}
	return p.write(v)
}

// write writes the answer, or as much of it as the fault allows.
func (p *player) write(v responder) bool {
	rep, fault := p.rep, p.act.Fault
	p.spoil()
	text := rep.text
	broken := fault == ErrorInside || fault == Stall || fault == Drop || fault == EarlyEnd
	if broken {
		text = half(text)
	}
	if !p.pieces(v, rep.reasoning, text) {
		return false
	}
	switch fault {
	case ErrorInside:
		v.broken(refusal{fault: ServerError})
	case Stall:
		p.silence(v)
	case Drop:
		panic(http.ErrAbortHandler)
	case EarlyEnd: // nothing more
	default:
		v.end(rep)
		return true
	}
	return false
}

// spoil changes the answer as the fault requires.
func (p *player) spoil() {
	switch p.act.Fault {
	case Blank:
		p.rep.text = " \n"
	case InvalidJSON:
		p.rep.text = "It depends, as always: {\"score\": about seven"
	case Truncated:
		p.rep.text, p.rep.finish = half(p.rep.text), "length"
	case SlowDrip:
		each := cmp.Or(time.Duration(p.behavior.Drip), time.Second)
		p.act.Takes = time.Duration(len([]rune(p.rep.text))) * each
	}
}

// retry returns the Retry-After of a refusal, in seconds.
func (p *player) retry(f Fault) int {
	if f != RateLimited && f != Overloaded {
		return 0
	}
	if p.behavior.RetryAfter == 0 && f == RateLimited {
		return 1
	}
	return seconds(time.Duration(p.behavior.RetryAfter))
}

// heartbeatEvery is the interval between keep-alives.
const heartbeatEvery = time.Second

// wait waits before the first piece, with keep-alives. It reports whether the
// caller is still connected.
func (p *player) wait(v responder) bool {
	for left := p.act.Wait; left > 0; left -= heartbeatEvery {
		if !p.pause(min(left, heartbeatEvery)) {
			return false
		}
		if left > heartbeatEvery {
			v.heartbeat()
		}
	}
	return p.r.Context().Err() == nil
}

// silence sends keep-alives until the caller disconnects.
func (p *player) silence(v responder) {
	for p.pause(heartbeatEvery) {
		v.heartbeat()
	}
}

// pieces writes reasoning and text, evenly over the time they take.
func (p *player) pieces(v responder, reasoning, text string) bool {
	const fewest, every = 6, 50 * time.Millisecond
	n := max(fewest, int(p.act.Takes/every))
	if p.act.Fault == SlowDrip {
		n = math.MaxInt
	}
	thoughts, words := chop(reasoning, n), chop(text, n)
	pause := p.act.Takes / time.Duration(max(1, len(thoughts)+len(words)))
	for i, piece := range append(thoughts, words...) {
		if !p.pause(pause) {
			return false
		}
		if i < len(thoughts) {
			v.piece("", piece)
		} else {
			v.piece(piece, "")
		}
	}
	return p.r.Context().Err() == nil
}

// pause waits, and reports whether the caller is still connected.
func (p *player) pause(d time.Duration) bool {
	if d <= 0 {
		return p.r.Context().Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.r.Context().Done():
		return false
	}
}

// chop cuts text into at most n pieces of whole characters.
func chop(text string, n int) []string {
	runes := []rune(text)
	size := max(1, len(runes)/n)
	if len(runes) > size*n {
		size++
	}
	var pieces []string
	for part := range slices.Chunk(runes, size) {
		pieces = append(pieces, string(part))
	}
	return pieces
}

// half returns the first half of a text, and at least one character.
func half(text string) string {
	runes := []rune(text)
	return string(runes[:(len(runes)+1)/2])
}

// usualRoom is the limit, in tokens, in a refusal of a prompt that is not too long.
const usualRoom = 131_072

// fill fills in the placeholders of an error's text.
func fill(text string, a *ask, retry int) string {
	return strings.NewReplacer(
		"{model}", a.Model, "{tokens}", itoa(a.input), "{room}", itoa(cmp.Or(a.room, usualRoom)), "{wait}", itoa(max(1, retry)),
	).Replace(text)
}
