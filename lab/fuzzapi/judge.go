package fuzzapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/topcentral/spillway/lab/contract"
)

// judge lists what is wrong with an answer.
func (r *round) judge(d *draft, a *answer) []string {
	if a.method == http.MethodOptions {
		return r.judgeOptions(a)
	}
	all := r.contract.Complaints(a.method, a.path, a.Response)
	away := r.Away && a.Status == http.StatusServiceUnavailable
	if a.Status >= 500 && !away {
		all = append(all, "a fault of ours")
	}
	if op, ok := r.asked(a); ok && !away {
		all = append(all, r.judgeStatus(d, a, op)...)
	} else if a.Status == http.StatusMethodNotAllowed {
		all = append(all, r.judgeAllow(a)...)
	}
	if a.Status >= 400 && a.method != http.MethodHead {
		all = append(all, judgeProblem(a)...)
	}
	if id := a.Header.Get("X-Request-Id"); goodID.MatchString(a.requestID) && id != a.requestID {
		all = append(all, fmt.Sprintf("the request's ID %q became %q", a.requestID, id))
	}
	return append(all, r.judgeSecrets(d, a)...)
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)

// asked returns the operation that was asked for in the end.
func (r *round) asked(a *answer) (contract.Operation, bool) {
	template, _ := r.contract.Path(a.path)
	i := slices.IndexFunc(r.contract.Operations, func(op contract.Operation) bool {
		return op.Path == template && (op.Method == a.method || op.Method == http.MethodGet && a.method == http.MethodHead)
	})
	if i < 0 {
		return contract.Operation{}, false
	}
	return r.contract.Operations[i], true
}

// judgeStatus holds the status against who asked, and what for.
func (r *round) judgeStatus(d *draft, a *answer, op contract.Operation) []string {
	if len(op.Scopes) > 0 && len(d.header) == 0 || len(op.Scopes) > 0 && !hasAuthorization(d) {
		switch d.cred.who {
		case nobody:
			// All addresses together get so many refusals a minute, and then only a 429.
			return expect(a, "who shows no credential that counts", http.StatusUnauthorized, http.StatusTooManyRequests)
		case poor:
			if op.ID == d.op.ID {
				return expect(a, "who lacks a scope", http.StatusForbidden)
			}
		case other:
			if d.foreign && op.ID == d.op.ID && a.Status < 300 {
				return []string{"another tenant's is found"}
			}
		}
	}
	if d.cred.who == good && len(d.want) > 0 && op.ID == d.op.ID && a.method == d.method {
		return expect(a, "this request", d.want...)
	}
	return nil
}

// hasAuthorization reports whether another credential was put into the headers.
func hasAuthorization(d *draft) bool {
	return slices.ContainsFunc(d.header, func(h pair) bool { return strings.EqualFold(h.name, "Authorization") })
}

func expect(a *answer, what string, want ...int) []string {
	if slices.Contains(want, a.Status) {
		return nil
	}
	return []string{fmt.Sprintf("%s must get %v", what, want)}
}

// judgeAllow holds Allow against the methods that the contract has.
func (r *round) judgeAllow(a *answer) []string {
	_, item := r.contract.Path(a.path)
	want := []string{"OPTIONS"}
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		if item[method] != nil {
			want = append(want, strings.ToUpper(method))
		}
		if method == "get" && item[method] != nil {
			want = append(want, "HEAD")
		}
	}
	got := strings.Split(a.Header.Get("Allow"), ", ")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return []string{fmt.Sprintf("Allow is %q, want %q", got, want)}
	}
	return nil
}

// judgeOptions: a path that exists lists its methods, and nothing else.
func (r *round) judgeOptions(a *answer) []string {
	template, _ := r.contract.Path(a.path)
	if template == "" {
		return expect(a, "a path that is not there", http.StatusNotFound)
	}
	all := append(expect(a, "OPTIONS", http.StatusNoContent), r.judgeAllow(a)...)
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			all = append(all, "other origins are let in by "+name)
		}
	}
	return all
}

// judgeProblem holds a problem against the response that it is in.
func judgeProblem(a *answer) []string {
	var p struct {
		Status    int
		Code      string
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return []string{err.Error()}
	}
	if p.Status != a.Status || p.Code == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		return []string{fmt.Sprintf("the problem tells status %d, code %q and request %q", p.Status, p.Code, p.RequestID)}
	}
	return nil
}

// judgeSecrets: no answer holds a credential, nor what another tenant wrote.
func (r *round) judgeSecrets(d *draft, a *answer) []string {
	var all []string
	if bytes.Contains(a.Body, []byte(r.callers.Full)) || bytes.Contains(a.Body, []byte(r.callers.Other)) {
		all = append(all, "the answer holds a credential")
	}
	if d.cred.who != good && !hasAuthorization(d) && a.Status < 300 && d.cred.who != other && bytes.Contains(a.Body, []byte(r.canary)) {
		all = append(all, "the answer holds what a tenant wrote")
	}
	if bytes.Contains(a.Body, []byte("goroutine ")) {
		all = append(all, "the answer holds a stack")
	}
	return all
}

// checkLog: logs hold neither credentials nor input, and report no fault.
func (r *round) checkLog() {
	log := r.Logged()
	for line := range strings.SplitSeq(log, "\n") {
		for what, text := range map[string]string{"input": r.canary, "a credential": r.callers.Full, "another credential": r.callers.Other, "an error": "level=ERROR", "a panic": "panic"} {
			if strings.Contains(line, text) && (what != "an error" || !r.Away) {
				r.failures = append(r.failures, fmt.Errorf("round %d of seed %d: the log holds %s: %s", r.number, r.seed, what, r.masked(line)))
			}
		}
	}
}

// remember learns from an answer what there is to ask for.
func (r *round) remember(d *draft, a *answer) {
	op, ok := r.asked(a)
	if !ok {
		return
	}
	if r.statuses[op.ID] == nil {
		r.statuses[op.ID] = map[int]int{}
	}
	r.statuses[op.ID][a.Status]++
	if d.cred.who != good || a.Status >= 300 {
		return
	}
	var body struct {
		ID         string
		NextCursor string `json:"next_cursor"`
		Outcomes   []struct {
			Status int
			Job    struct{ ID string }
		}
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return
	}
	switch op.ID {
	case "submitJob":
		r.own(&r.jobs, body.ID)
	case "submitBatch":
		for _, o := range body.Outcomes {
			if o.Status >= 500 {
				r.fail(d, a, "a submission of a batch is a fault of ours")
			}
			r.own(&r.jobs, o.Job.ID)
		}
	case "registerEndpoint":
		r.own(&r.endpoints, body.ID)
	}
	if link := a.Header.Get("Link"); link != "" {
		r.link, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
}

// own remembers something of the first tenant's.
func (r *round) own(pool *[]string, id string) {
	if id != "" {
		*pool, r.owned[id] = append(*pool, id), true
	}
}
