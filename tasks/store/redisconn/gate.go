package redisconn

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// probeEvery is how often each server is asked whether it is there.
	probeEvery = 250 * time.Millisecond
	// probeTimeout is how long it may take to answer.
	probeTimeout = 400 * time.Millisecond
	// missesAway is how many answers in a row must be missing before a server
	// counts as unreachable: one may be a slow script or a busy machine.
	missesAway = 2
)

// ErrAway is what commands fail with while a Gate is shut.
var ErrAway = errors.New("redis does not answer")

// Gate makes the commands of a client fail at once, with ErrAway, while their
// server is known to be unreachable. Otherwise each would wait for its own timeout: a
// server that hangs refuses nothing. A Gate asks every server in the background
// whether it is there, and so shuts about a second after a server was lost, and
// opens with the first good answer.
type Gate struct {
	log    *slog.Logger
	life   context.Context
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu    sync.Mutex
	doors map[string]*door // by address of the server
}

// NewGate puts a gate before a client that has not been used yet. It must be
// closed before the client.
func NewGate(rdb redis.UniversalClient, log *slog.Logger) *Gate {
	g := &Gate{log: log, doors: map[string]*door{}}
	g.life, g.cancel = context.WithCancel(context.Background())
	switch c := rdb.(type) {
	case *redis.Client:
		g.guard(c)
	case *redis.ClusterClient:
		// A cluster may lose one node and go on with the others, so each has a
		// door of its own.
		c.OnNewNode(g.guard)
	}
	return g
}

// Close opens the gate for good and ends its probes.
func (g *Gate) Close() error {
	g.mu.Lock()
	g.cancel()
	g.mu.Unlock()
	g.probes.Wait()
	return nil
}

// guard puts a door before a server.
func (g *Gate) guard(server *redis.Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	addr := server.Options().Addr
	d := g.doors[addr]
	if d == nil {
		d = new(door)
		g.doors[addr] = d
		if g.life.Err() == nil {
			prober := newProber(server.Options())
			g.probes.Go(func() { g.watch(d, prober, g.log.With("address", addr)) })
		}
	}
	server.AddHook(d)
}

// newProber returns a client with one connection of its own to the same server,
// which no other command can hold up.
func newProber(of *redis.Options) *redis.Client {
	opts := *of
	opts.PoolSize, opts.PipelinePoolSize, opts.MinIdleConns, opts.MaxRetries, opts.DialerRetries = 1, -1, 0, -1, 1
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = probeTimeout, probeTimeout, probeTimeout, probeTimeout
	opts.ContextTimeoutEnabled = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(&opts)
}

// watch opens and shuts a door until the gate is closed.
func (g *Gate) watch(d *door, prober *redis.Client, log *slog.Logger) {
	defer prober.Close() //nolint:errcheck // it only asked
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	missed := 0
	for {
		select {
		case <-g.life.Done():
			d.shut.Store(false)
			return
		case <-tick.C:
		}
		err := probe(g.life, prober)
		switch {
		case err == nil:
			missed = 0
			if d.shut.Swap(false) {
				log.Info("Redis is back")
			}
		case g.life.Err() == nil:
			missed++
			if missed >= missesAway && !d.shut.Swap(true) {
				log.Warn("Redis is unreachable; commands fail at once until it answers again", "error", err)
			}
		}
	}
}

func probe(ctx context.Context, prober *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := prober.Ping(ctx).Err()
	if _, answers := RefusesWrites(err); answers {
		return nil // its reads go on
	}
	return err
}

// door is a hook that lets commands through, or not.
type door struct{ shut atomic.Bool }

// DialHook keeps new connections from waiting for a server that is unreachable.
func (d *door) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if d.shut.Load() {
			return nil, ErrAway
		}
		return next(ctx, network, addr)
	}
}

// ProcessHook is for single commands.
func (d *door) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if d.shut.Load() {
			cmd.SetErr(ErrAway)
			return ErrAway
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook is for pipelines and transactions.
func (d *door) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !d.shut.Load() {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(ErrAway)
		}
		return ErrAway
	}
}
