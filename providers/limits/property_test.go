package limits_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/providertest"
)

// account is a provider that counts what it is used for.
type account struct {
	limits providers.Limits
	took   time.Duration
	tokens int // of each answer

	mu     sync.Mutex
	begun  []time.Time
	now    int
	most   int
	ending time.Time
}

func (a *account) answer(ctx context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
	a.mu.Lock()
	a.begun = append(a.begun, time.Now())
	a.now++
	a.most = max(a.most, a.now)
	a.mu.Unlock()
	time.Sleep(a.took)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now--
	a.ending = time.Now()
	resp, err := providertest.Answer("{}")(ctx, req, onDelta)
	if err == nil {
		resp.Usage = providers.Usage{Input: a.tokens / 2, Output: a.tokens - a.tokens/2}
	}
	return resp, err
}

// exceeded says which limit was exceeded, "" if none was.
func (a *account) exceeded() string {
	if l := a.limits.Concurrency; l > 0 && a.most > l {
		return fmt.Sprintf("%d calls at once", a.most)
	}
	for i, first := range a.begun {
		n := 0
		for _, other := range a.begun[i:] {
			if other.Sub(first) < time.Minute {
				n++
			}
		}
		if l := a.limits.RequestsPerMinute; l > 0 && n > l {
			return fmt.Sprintf("%d requests within a minute", n)
		}
		// The first call of a minute may be larger than what is left of it.
		if l := a.limits.TokensPerMinute; l > 0 && (n-1)*a.tokens > l {
			return fmt.Sprintf("%d tokens within a minute", n*a.tokens)
		}
	}
	return ""
}

// ideal is how long n calls take that use the limits in full.
func (a *account) ideal(n int) time.Duration {
	longest := a.took
	if l := a.limits.Concurrency; l > 0 {
		longest = max(longest, time.Duration((n+l-1)/l)*a.took)
	}
	if l := a.limits.RequestsPerMinute; l > 0 {
		longest = max(longest, time.Duration(n-1)*time.Minute/time.Duration(l)+a.took)
	}
	if l := a.limits.TokensPerMinute; l > 0 {
		// What is set aside for a call is not for others until it has ended.
		each := max(perMinute(a.tokens, l), min(a.took, perMinute(setAside, l)))
		longest = max(longest, time.Duration(n-1)*each+a.took)
	}
	return longest
}

// setAside are the tokens that a call of these tests may use.
const setAside = 4000

// perMinute is how long tokens take of which there are so many per minute.
func perMinute(tokens, limit int) time.Duration {
	return time.Duration(float64(tokens) / float64(limit) * float64(time.Minute))
}

// With any limits and enough time every job gets its answer, the limits are never
// exceeded, and nine tenths of them are used, although jobs that wait give their
// slots to others.
func TestAnyLimitsAreUsedAndHeldAndNobodyIsTurnedAway(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		of := func(values ...int) int { return values[r.IntN(len(values))] }
		a := &account{
			limits: providers.Limits{Concurrency: of(0, 1, 2, 5, 20), RequestsPerMinute: of(0, 3, 20, 60, 200, 600)},
			took:   time.Duration(of(200, 1000, 4000, 20000)) * time.Millisecond,
			tokens: of(100, 2000),
		}
		a.limits.TokensPerMinute = of(0, 0, 20*a.tokens, 300*a.tokens)
		jobs, processes := of(20, 40, 120), of(1, 2, 3, 4)
		t.Run(fmt.Sprintf("%+v %v %d tokens, %d jobs, %d processes", a.limits, a.took, a.tokens, jobs, processes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { useAccount(t, a, jobs, processes) })
		})
	}
}

// useAccount has processes of 8 slots each do jobs as workers do them.
func useAccount(t *testing.T, a *account, jobs, processes int) {
	server := miniredis.NewMiniRedis() // not started: it is dialed within the bubble
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{
		Dialer:          func(context.Context, string, string) (net.Conn, error) { return server.Dial() },
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer rdb.Close()
	began := time.Now()
	var all sync.WaitGroup
	queue := make(chan int, jobs)
	open := make(chan struct{}, jobs)
	for i := range jobs {
		queue <- i
	}
	done, stop := context.WithCancel(t.Context())
	provider := providertest.NewFake("kimi").Does(a.answer)
	for range processes {
		router := providers.NewRouter(slog.New(slog.DiscardHandler), guard(rdb, a.limits))
		for range 8 {
			all.Go(func() {
				for {
					select {
					case i := <-queue:
						if wait := try(t, router, provider, i, began); wait > 0 {
							time.AfterFunc(wait, func() { queue <- i })
						} else {
							open <- struct{}{}
						}
					case <-done.Done():
						return
					}
				}
			})
		}
	}
	for range jobs {
		<-open
	}
	stop()
	all.Wait()
	if what := a.exceeded(); what != "" {
		t.Errorf("limits were exceeded: %s", what)
	}
	ideal := a.ideal(jobs)
	if slots := 8 * processes; jobs > slots { // or the slots are the limit
		ideal = max(ideal, time.Duration((jobs+slots-1)/slots)*a.took)
	}
	// Jobs that gave up their slot come back after whole seconds.
	if took, most := a.ending.Sub(began), ideal*10/9+4*time.Second; took > most {
		t.Errorf("took %v, want %v or less; at best %v", took, most, ideal)
	}
}

// try runs a job once, and returns when it is to come back; 0 when it has its
// answer.
func try(t *testing.T, router *providers.Router, p providers.Provider, i int, began time.Time) time.Duration {
	ctx, cancel := context.WithDeadline(t.Context(), began.Add(2*time.Hour))
	defer cancel()
	_, err := router.Run(ctx, &providers.Route{
		Candidates: []providers.Candidate{{Provider: p, Model: "k2"}},
		Request:    providers.Request{OutputLimit: setAside},
		Check:      func(out json.RawMessage) (json.RawMessage, error) { return out, nil },
		Job:        fmt.Sprint(i), Since: began.Add(time.Duration(i) * time.Millisecond),
		WaitUntil: time.Now().Add(3 * time.Second),
	})
	e, exhausted := errors.AsType[*providers.ExhaustedError](err)
	switch {
	case err == nil:
		return 0
	case !exhausted || e.Busy == 0:
		t.Errorf("job %d: %v", i, err)
		return 0
	}
	return max(e.Busy-2*time.Second, time.Second).Truncate(time.Second)
}

// The oldest job is let in first, whoever asks first.
func TestTheOldestJobGoesFirst(t *testing.T) {
	c := newClock(t)
	g := guard(c.rdb, providers.Limits{Concurrency: 1})
	ask := func(job string, since int) (leave func(*providers.Attempt), refused *providers.Refusal) {
		call := call()
		call.Job, call.Since = job, c.now.Add(time.Duration(since)*time.Second)
		leave, err := g.Enter(t.Context(), call)
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return leave, refused
	}
	leave, _ := ask("first", 0)
	_, old := ask("old", 1)
	_, young := ask("young", 2)
	if old == nil || young == nil || old.Condition != providers.Busy || cmp.Compare(old.RetryAfter, young.RetryAfter) > 0 {
		t.Fatalf("refused with %+v and %+v", old, young)
	}
	leave(done(1, 1))
	if !slices.Contains([]bool{isClosed(old.Ready), isClosed(young.Ready)}, true) {
		t.Error("nobody was told that there is room")
	}
	if _, refused := ask("young", 2); refused == nil {
		t.Error("a younger job went before an older one")
	}
	if _, refused := ask("old", 1); refused != nil {
		t.Errorf("the oldest job: %v", refused)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A job that another candidate answers meanwhile holds no place in the line of the
// first one: its limit is used all the same.
func TestJobsThatWentElsewhereAreNotWaitedFor(t *testing.T) {
	c := newClock(t)
	rule := func(c providers.Candidate) (string, providers.Limits) {
		if c.Provider.Name() == "free" {
			return "", providers.Limits{}
		}
		return c.Provider.Name(), providers.Limits{Concurrency: 1}
	}
	g := limits.New(c.rdb, limits.Config{Rule: rule, Lease: lease, Patience: time.Minute}, slog.New(slog.DiscardHandler))
	ask := func(provider, job string, since int) (func(*providers.Attempt), error) {
		call := call()
		call.Candidate.Provider = providertest.NewFake(provider)
		call.Job, call.Since = job, c.now.Add(time.Duration(since)*time.Second)
		return g.Enter(t.Context(), call)
	}
	for _, other := range []string{"free", "glm"} {
		leave, err := ask("kimi", "first", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask("kimi", "old", 1); err == nil {
			t.Fatal("two calls at once")
		}
		if _, err := ask(other, "old", 1); err != nil {
			t.Fatal(err)
		}
		leave(done(1, 1))
		leave, err = ask("kimi", "young", 2)
		if err != nil {
			t.Errorf("while %s answers the older job: %v", other, err)
			continue
		}
		leave(done(1, 1))
	}
}
