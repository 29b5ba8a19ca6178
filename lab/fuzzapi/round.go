package fuzzapi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/contract"
)

// round is one caller's conversation with the API.
type round struct {
	*maker
	*Stack
	seed     uint64
	number   int
	contract *contract.Contract
	agents   map[string]map[string]any
	maxBody  int
	callers  Callers

	jobs, endpoints []string // that the first tenant has
	owned           map[string]bool
	link            string // the next page of a list
	sent            int
	answered        int
	unread          int
	statuses        map[string]map[int]int
	failures        []error
}

// round prepares a round.
func (s *Stack) round(ctx context.Context, seed uint64, number int) (*round, error) {
	source := rand.New(rand.NewPCG(seed, uint64(number))) //nolint:gosec // to be had again
	callers, err := s.Callers(ctx, number)
	if err != nil {
		return nil, err
	}
	r := &round{
		Stack: s, seed: seed, number: number, contract: s.Contract, agents: s.agents, maxBody: s.MaxBody, callers: callers,
		owned: map[string]bool{}, statuses: map[string]map[int]int{},
		maker: &maker{
			Rand: source, root: s.Contract.Document, now: time.Now().UTC(), known: known,
			canary: fmt.Sprintf("zq%08xqz", source.Uint32()),
		},
	}
	for _, id := range callers.Tries {
		r.owned[id] = true
	}
	return r, nil
}

// run sends the requests of the round.
func (r *round) run(ctx context.Context) {
	for r.sent < roundLength && ctx.Err() == nil && len(r.failures) < maxFailures {
		d := r.next()
		r.sent++
		r.ask(ctx, d)
	}
	r.checkLog()
}

// next makes the next request.
func (r *round) next() *draft {
	op := pick(r.Rand, r.contract.Operations)
	if len(op.Scopes) == 0 && r.chance(0.75) { // what is public has little to go wrong
		op = pick(r.Rand, r.contract.Operations)
	}
	if len(r.jobs) == 0 || r.chance(0.08) { // most operations need a job
		op = r.operation("submitJob")
	}
	var d *draft
	switch n := r.IntN(10); {
	case n < 4:
		d = r.valid(op)
	case n < 7:
		d = r.nearly(op)
	default:
		d = r.hostile(op)
	}
	d.cred = r.credential(op.Scopes)
	if r.link != "" && r.chance(0.5) {
		d = &draft{op: op, method: "GET", path: r.link, cred: credential{good, "good", "Bearer " + r.callers.Full}, want: []int{200}}
		d.note("the next page")
		r.link = ""
	}
	return d
}

func (r *round) operation(id string) contract.Operation {
	for _, op := range r.contract.Operations {
		if op.ID == id {
			return op
		}
	}
	return r.contract.Operations[0]
}

// ask sends a request and judges the answer.
func (r *round) ask(ctx context.Context, d *draft) {
	from := fmt.Sprintf("10.%d.%d.%d:1024", r.IntN(256), r.IntN(256), r.IntN(256))
	head := r.chance(0.15)
	a, err := r.send(ctx, d, from)
	if errors.Is(err, errUnread) {
		r.unread++
		return
	}
	r.answered++
	if err != nil {
		r.fail(d, nil, err.Error())
		return
	}
	for _, complaint := range r.judge(d, a) {
		r.fail(d, a, complaint)
	}
	r.remember(d, a)
	if head && a.method == "GET" && d.cred.who == good && !strings.Contains(a.path, "/events") {
		r.askHead(ctx, d, a, from)
	}
}

// askHead asks the same by HEAD, which must be answered as GET is, without the
// body.
func (r *round) askHead(ctx context.Context, d *draft, a *answer, from string) {
	h := *d
	h.method = "HEAD"
	b, err := r.send(ctx, &h, from)
	if err != nil {
		r.fail(&h, nil, err.Error())
		return
	}
	r.answered++
	if a.Status != b.Status || a.Header.Get("Content-Type") != b.Header.Get("Content-Type") || len(a.Header) != len(b.Header) {
		r.fail(&h, b, fmt.Sprintf("HEAD is not as GET: %d %v", a.Status, a.Header))
	}
	for _, complaint := range r.contract.Complaints("HEAD", b.path, b.Response) {
		r.fail(&h, b, complaint)
	}
}

// fail notes a failure, and how to have it again.
func (r *round) fail(d *draft, a *answer, complaint string) {
	wire := d.wire()
	if len(wire) > 3000 {
		wire = append(wire[:3000:3000], fmt.Sprintf("… and %d bytes more", len(wire)-3000)...)
	}
	got := "no answer"
	if a != nil {
		body := string(a.Body)
		if len(body) > 2000 {
			body = body[:2000] + "…"
		}
		got = fmt.Sprintf("%d %v\n%s", a.Status, a.Header, body)
	}
	text := fmt.Sprintf("%s\n  again with: -seed %d -round %d (request %d: %s, %s credential, %s)\n%q\n→ %s\n",
		complaint, r.seed, r.number, r.sent, d.op.ID, d.cred.name, strings.Join(d.how, ", "), wire, got)
	r.failures = append(r.failures, errors.New(r.masked(text)))
}

// masked hides the credentials of the round.
func (r *round) masked(s string) string {
	return strings.NewReplacer(r.callers.Full, "FULL", r.callers.Other, "OTHER", r.callers.Dead, "DEAD").Replace(s)
}
