package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

var errRefused = errors.New("refused")

// slow stands before a server, in place of it: it answers each command with its
// last argument, once it is let go. The argument "bad" is refused.
type slow struct {
	let     chan struct{} // closed when answers are let go
	replica bool          // scripts that come in a pipeline with other commands are refused

	mu    sync.Mutex
	alone int   // commands that came by themselves
	trips []int // how many commands came with each pipeline
}

func (s *slow) DialHook(next redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("there is no server") }
}

func (s *slow) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		s.mu.Lock()
		s.alone++
		s.mu.Unlock()
		<-s.let
		return answer(cmd)
	}
}

func (s *slow) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		s.mu.Lock()
		s.trips = append(s.trips, len(cmds))
		s.mu.Unlock()
		<-s.let
		var first error
		for _, cmd := range cmds {
			err := answer(cmd)
			if s.replica && len(cmds) > 1 && cmd.Name() == "evalsha" {
				err = errors.New("READONLY a replica takes no writes")
				cmd.SetErr(err)
			}
			if first == nil {
				first = err
			}
		}
		return first
	}
}

func answer(cmd redis.Cmder) error {
	last := fmt.Sprint(cmd.Args()[len(cmd.Args())-1])
	cmd.SetErr(nil)
	if last == "bad" {
		cmd.SetErr(errRefused)
	}
	switch cmd := cmd.(type) {
	case *redis.Cmd:
		cmd.SetVal(last)
	case *redis.StringCmd:
		cmd.SetVal(last)
	case *redis.StatusCmd:
		cmd.SetVal(last)
	}
	return cmd.Err()
}

// batching runs a test on a Batcher of a slow server.
func batching(t *testing.T, test func(t *testing.T, g *Batcher, s *slow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		s := &slow{let: make(chan struct{})}
		rdb.AddHook(s)
		g := NewBatcher(rdb).(*Batcher)
		defer g.Close()
		test(t, g, s)
	})
}

// call asks, and checks that the answer is its own.
func call(t *testing.T, g *Batcher, arg string) {
	t.Helper()
	if got, err := g.EvalSha(t.Context(), "sha", []string{"k"}, arg).Text(); got != arg || err != nil {
		t.Errorf("%s: got %q, %v", arg, got, err)
	}
}

// occupy has as many calls under way as go by themselves.
func occupy(t *testing.T, g *Batcher, all *sync.WaitGroup) {
	t.Helper()
	for i := range maxInFlight {
		all.Go(func() { call(t, g, fmt.Sprint("first", i)) })
	}
	synctest.Wait()
}

func TestLoneCallsGoByThemselves(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		close(s.let)
		for i := range 5 {
			call(t, g, fmt.Sprint(i))
		}
		if s.alone != 5 || len(s.trips) != 0 {
			t.Errorf("got %d calls alone and pipelines of %v, want 5 and none", s.alone, s.trips)
		}
	})
}

func TestCallsThatWaitGoTogether(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		var all sync.WaitGroup
		occupy(t, g, &all)
		for i := range maxBatch {
			all.Go(func() { call(t, g, fmt.Sprint(i)) })
		}
		synctest.Wait()
		all.Go(func() {
			if got, err := g.Get(t.Context(), "key").Result(); got != "key" || err != nil {
				t.Errorf("get: got %q, %v", got, err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			cmds, err := g.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				p.EvalSha(t.Context(), "sha", nil, "x")
				p.Get(t.Context(), "y")
				return nil
			})
			if err != nil || len(cmds) != 2 || cmds[0].(*redis.Cmd).Val() != "x" || cmds[1].(*redis.StringCmd).Val() != "y" {
				t.Errorf("pipeline: got %v, %v", cmds, err)
			}
		})
		synctest.Wait()
		close(s.let)
		all.Wait()
		slices.Sort(s.trips)
		if want := []int{3, maxBatch}; s.alone != maxInFlight || !slices.Equal(s.trips, want) {
			t.Errorf("got %d calls alone and pipelines of %v, want %d and %v", s.alone, s.trips, maxInFlight, want)
		}
		before := len(s.trips)
		call(t, g, "later")
		if s.alone != maxInFlight+1 || len(s.trips) != before {
			t.Error("a lone call after the others did not go by itself")
		}
	})
}

func TestAnErrorIsOneCallsOwn(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		var all sync.WaitGroup
		occupy(t, g, &all)
		all.Go(func() { call(t, g, "good") })
		all.Go(func() {
			if err := g.EvalSha(t.Context(), "sha", nil, "bad").Err(); !errors.Is(err, errRefused) {
				t.Errorf("got %v, want %v", err, errRefused)
			}
		})
		all.Go(func() {
			_, err := g.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Get(t.Context(), "bad")
				return nil
			})
			if !errors.Is(err, errRefused) {
				t.Errorf("pipeline: got %v, want %v", err, errRefused)
			}
		})
		synctest.Wait()
		close(s.let)
		all.Wait()
	})
}

func TestAWaitingCallEndsWithItsContext(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		var all sync.WaitGroup
		occupy(t, g, &all)
		all.Go(func() { call(t, g, "stays") })
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- g.EvalSha(ctx, "sha", nil, "leaves").Err() }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		close(s.let)
		all.Wait()
		if !slices.Equal(s.trips, []int{1}) {
			t.Errorf("got pipelines of %v, want one without the call that has left", s.trips)
		}
	})
}

func TestACallWaitsNotForLongForOthersThatHang(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		var all sync.WaitGroup
		occupy(t, g, &all)
		all.Go(func() { call(t, g, "later") })
		time.Sleep(maxWait)
		synctest.Wait()
		s.mu.Lock()
		if !slices.Equal(s.trips, []int{1}) {
			t.Errorf("got pipelines of %v, want it to have gone by itself", s.trips)
		}
		s.mu.Unlock()
		close(s.let)
		all.Wait()
		if !slices.Equal(s.trips, []int{1}) {
			t.Errorf("got pipelines of %v, want it to have gone once", s.trips)
		}
	})
}

// A server that has become a replica answers what reads, so that the client finds
// nothing wrong with a batch that begins so.
func TestAWriteThatAReplicaRefusesGoesAgain(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		s.replica = true
		var all sync.WaitGroup
		occupy(t, g, &all)
		all.Go(func() { g.Get(t.Context(), "key") })
		synctest.Wait()
		all.Go(func() { call(t, g, "write") })
		synctest.Wait()
		close(s.let)
		all.Wait()
		if want := []int{2, 1}; !slices.Equal(s.trips, want) {
			t.Errorf("got pipelines of %v, want %v", s.trips, want)
		}
	})
}

// Whoever closes a Batcher waits for no server.
func TestClosingEndsWhatIsUnderWay(t *testing.T) {
	server := redistest.Start(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, ReadTimeout: time.Hour})
	g := NewBatcher(rdb).(*Batcher)
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	server.Pause(t)
	defer server.Resume(t)
	for range maxInFlight {
		g.startAlone()
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := g.Get(t.Context(), "key").Err(); err == nil {
			t.Error("an answer came from a server that hangs")
		}
	})
	for waits := false; !waits; runtime.Gosched() {
		g.mu.Lock()
		waits = len(g.waiting) == 1
		g.mu.Unlock()
	}
	g.done() // what waits takes its place, and hangs
	if err := g.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	all.Wait()
}

// What a Batcher cannot answer for goes as it does without one.
func TestOtherPipelinesGoByThemselves(t *testing.T) {
	batching(t, func(t *testing.T, g *Batcher, s *slow) {
		var all sync.WaitGroup
		occupy(t, g, &all)
		all.Go(func() {
			_, err := g.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Set(t.Context(), "k", "v", 0)
				return nil
			})
			if err != nil {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		if !slices.Equal(s.trips, []int{1}) {
			t.Errorf("got pipelines of %v, want it to go at once", s.trips)
		}
		close(s.let)
		all.Wait()
		failed := errors.New("failed")
		if _, err := g.Pipelined(t.Context(), func(redis.Pipeliner) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("a function that fails: got %v, want %v", err, failed)
		}
	})
}

func TestTheClientOfAClusterIsLeftAlone(t *testing.T) {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer rdb.Close()
	if got := NewBatcher(rdb); got != redis.UniversalClient(rdb) {
		t.Errorf("got a %T", got)
	}
}
