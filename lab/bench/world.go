//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// world is a Redis with an append-only file, an API that asks for keys, and what
// else a part needs. Each part has its own.
type world struct {
	cfg         config
	dir         string
	redisAddr   string
	rdb         *redis.Client
	api         string // address
	admin       string // address for operators
	probe       string // address of the API's profiles
	key         string // that may do everything with jobs
	workerProbe string // address of the worker's profiles
	env         []string

	processes []*process
	clients   []*redis.Client
	servers   []*http.Server
}

// process is a program that runs until the world ends.
type process struct {
	name string
	cmd  *exec.Cmd
	over chan struct{}
}

// patience is how long a part of the world may take to start.
const patience = 30 * time.Second

// open starts a Redis and an API. env are settings in addition to the usual ones.
func open(ctx context.Context, cfg config, env ...string) (*world, error) {
	dir, err := os.MkdirTemp(cfg.dir, "world-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	w := &world{cfg: cfg, dir: dir, redisAddr: freeAddr(), api: freeAddr(), admin: freeAddr(), probe: freeAddr(), workerProbe: freeAddr()}
	w.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SPILLWAY_LOG_LEVEL=WARN",
		"SPILLWAY_REDIS_URL=redis://" + w.redisAddr + "/0", "SPILLWAY_API_LISTEN=" + w.api, "SPILLWAY_AUTH=required",
		"SPILLWAY_RATE_LIMIT=none", "SPILLWAY_ADMIN_LISTEN=" + w.admin, "SPILLWAY_QUEUED_QUOTA=100000000", "SPILLWAY_KEPT_JOBS=0",
		"SPILLWAY_HOST_CPU_LIMIT=0", "SPILLWAY_HOST_MEMORY_LIMIT=0", // the load here is ours
	}, env...)
	if err := w.begin(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// startRedis starts a Redis, and returns a client of it.
func (w *world) startRedis(ctx context.Context, name, addr string) (*redis.Client, error) {
	_, port, _ := net.SplitHostPort(addr)
	dir := filepath.Join(w.dir, strings.ReplaceAll(name, " ", "-"))
	if err := os.Mkdir(dir, 0o700); err != nil { //nolint:gosec // our own folder
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	// The log is not written anew while we measure: that would take a core for
	// seconds, of the one part or of the other.
	err := w.start(name, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction")
	if err != nil {
		return nil, err
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: patience, PoolSize: callers})
	w.clients = append(w.clients, rdb)
	if err := until(ctx, func() bool { return rdb.Ping(ctx).Err() == nil }); err != nil {
		return nil, fmt.Errorf("redis does not answer: %w", err)
	}
	return rdb, nil
}

func (w *world) begin(ctx context.Context) error {
	var err error
	if w.rdb, err = w.startRedis(ctx, "redis", w.redisAddr); err != nil {
		return err
	}
	if w.key, err = w.newKey(ctx, "none"); err != nil {
		return err
	}
	if err := w.start("api", []string{"SPILLWAY_PROBE_LISTEN=" + w.probe}, w.cfg.binary, "api"); err != nil {
		return err
	}
	return until(ctx, func() bool { return answers(w.api) && answers(w.probe) })
}

// newKey makes an API key with a rate of its own.
func (w *world) newKey(ctx context.Context, rate string) (string, error) {
	return w.keyOf(ctx, "bench", rate)
}

func (w *world) keyOf(ctx context.Context, tenant, rate string) (string, error) {
	cmd := exec.CommandContext(ctx, w.cfg.binary, "keys", "create", "--tenant", tenant, "--scope", "jobs:read,jobs:write,jobs:cancel,admin:read", "--rate", rate) //nolint:gosec // our own program
	cmd.Env = w.env
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// start starts a program for as long as the world lasts.
func (w *world) start(name string, env []string, path string, args ...string) error {
	log, err := os.Create(filepath.Join(w.dir, name+".log")) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer func() { _ = log.Close() }() // the program has its own handle
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // our own programs; close ends them
	cmd.Env, cmd.Stdout, cmd.Stderr = append(append([]string{}, w.env...), env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, over: make(chan struct{})}
	go func() {
		defer close(p.over)
		_ = cmd.Wait() // its log shows why
	}()
	w.processes = append(w.processes, p)
	return nil
}

// work starts a worker, and waits until it takes jobs.
func (w *world) work(ctx context.Context, env ...string) error {
	if err := w.start("worker", append(env, "SPILLWAY_PROBE_LISTEN="+w.workerProbe), w.cfg.binary, "worker"); err != nil {
		return err
	}
	err := until(ctx, func() bool { return w.alive(ctx) > 0 })
	if err != nil {
		return fmt.Errorf("the worker does not start (-keep keeps its log): %w", err)
	}
	return nil
}

// alive returns how many workers have said that they live.
func (w *world) alive(ctx context.Context) int {
	n := 0
	for _, name := range w.rdb.HKeys(ctx, "spillway:workers").Val() {
		if !strings.HasPrefix(name, "#") { // what is no worker
			n++
		}
	}
	return n
}

// serve starts an HTTP server of the world around, and returns its URL.
func (w *world) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, s)
	go func() { _ = s.Serve(l) }() // it ends by close
	return "http://" + l.Addr().String(), nil
}

// close ends everything that open began, the newest first.
func (w *world) close() {
	for _, p := range slices.Backward(w.processes) {
		_ = p.cmd.Process.Kill() // what it leaves goes with the world
		<-p.over
	}
	for _, s := range w.servers {
		_ = s.Close() // no caller is left
	}
	for _, rdb := range w.clients {
		_ = rdb.Close() // its server is gone
	}
}

func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/topcentral/spillway/lab/bench/probe") //nolint:gosec // a path of our own
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build spillway: %w\n%s", err, out)
	}
	return nil
}

func answers(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// freeAddr finds a port that is free now.
func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return ""
	}
	defer func() { _ = l.Close() }() // it only held the port
	return l.Addr().String()
}

var errPatience = errors.New("it took too long")

// until polls a condition until it is met.
func until(ctx context.Context, met func() bool) error { return untilWithin(ctx, patience, met) }

func untilWithin(ctx context.Context, within time.Duration, met func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errPatience)
	defer cancel()
	for !met() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
