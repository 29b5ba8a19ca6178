//go:build unix

package main

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers/mockllm"
)

// retention is how long ended jobs are kept: the shortest that a setting allows, so that
// the end of a run holds as many as its beginning.
const retention = time.Minute

// world is a Redis, an API and two workers, one of which is killed at times.
type world struct {
	dir     string
	env     []string
	rdb     *redis.Client
	api     string // URL
	key     string
	hooks   string // URL of a receiver of webhooks
	redis   *process
	watched []*process // whose memory is compared: those that nobody kills
	victim  *process
	servers []*http.Server
}

// process is a program that can be ended and started again.
type process struct {
	name  string
	path  string
	args  []string
	env   []string
	log   string
	probe string // address of its profiles

	mu   sync.Mutex
	cmd  *exec.Cmd
	over chan struct{}
}

func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer func() { _ = log.Close() }()     // the process has its own handle
	cmd := exec.Command(p.path, p.args...) //nolint:gosec,noctx // our own programs; close ends them
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cmd.Wait() // its log shows why
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.over = cmd, over
	return nil
}

// end ends the process by a signal, and waits until it is gone.
func (p *process) end(sig os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig) // it may have ended by itself
	<-p.over
	p.cmd = nil
}

// pid returns the process's number, and whether it still runs.
func (p *process) pid() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0, false
	}
	select {
	case <-p.over:
		return 0, false
	default:
		return p.cmd.Process.Pid, true
	}
}

func open(ctx context.Context, dir, binary string) (w *world, err error) {
	w = &world{dir: dir}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	redisAddr, api := freeAddr(), freeAddr()
	w.api = "http://" + api
	if err := w.openRedis(ctx, redisAddr); err != nil {
		return w, err
	}
	models, err := w.serve(mockllm.New(mockllm.Config{Seed: 1, Direct: act}))
	if err != nil {
		return w, err
	}
	if w.hooks, err = w.serve(http.HandlerFunc(receive)); err != nil {
		return w, err
	}
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(cryptorand.Text() + cryptorand.Text())[:32])
	w.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SPILLWAY_LOG_LEVEL=WARN", "SPILLWAY_REDIS_URL=redis://" + redisAddr + "/0",
		"SPILLWAY_API_LISTEN=" + api, "SPILLWAY_AUTH=required", "SPILLWAY_RATE_LIMIT=none", "SPILLWAY_ADMIN_LISTEN=off",
		"SPILLWAY_HOST_CPU_LIMIT=0", "SPILLWAY_HOST_MEMORY_LIMIT=0", // the load here is ours
		"SPILLWAY_RETENTION=" + retention.String(), "SPILLWAY_WEBHOOK_SECRET=" + secret, "SPILLWAY_WEBHOOK_ALLOW=127.0.0.0/8",
		"SPILLWAY_OLLAMA_URL=" + models + mockllm.Path(mockllm.Ollama), "SPILLWAY_OPENAI_URL=" + models + mockllm.Path(mockllm.OpenAI),
		"OPENAI_API_KEY=mock", "SPILLWAY_LOCAL_SLOTS=8", "SPILLWAY_WORKER_DRAIN=5s",
	}
	if w.key, err = w.newKey(ctx, binary); err != nil {
		return w, err
	}
	for _, name := range []string{"api", "worker", "victim"} {
		p := &process{name: name, path: binary, args: []string{strings.Replace(name, "victim", "worker", 1)}, log: filepath.Join(dir, name+".log"), probe: freeAddr()}
		p.env = append(append([]string{}, w.env...), "SPILLWAY_PROBE_LISTEN="+p.probe)
		if err := p.start(); err != nil {
			return w, err
		}
		if name == "victim" {
			w.victim = p
		} else {
			w.watched = append(w.watched, p)
		}
	}
	return w, until(ctx, 30*time.Second, func() bool {
		workers := 0
		for _, name := range w.rdb.HKeys(ctx, "spillway:workers").Val() {
			if !strings.HasPrefix(name, "#") { // what is no worker
				workers++
			}
		}
		return workers >= 2 && answers(api)
	})
}

func (w *world) openRedis(ctx context.Context, addr string) error {
	data := filepath.Join(w.dir, "redis")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	_, port, _ := net.SplitHostPort(addr)
	w.redis = &process{name: "redis", path: "redis-server", log: filepath.Join(w.dir, "redis.log"), args: []string{
		"--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
	}}
	if err := w.redis.start(); err != nil {
		return err
	}
	w.rdb = redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: 30 * time.Second})
	return until(ctx, 10*time.Second, func() bool { return w.rdb.Ping(ctx).Err() == nil })
}

func (w *world) newKey(ctx context.Context, binary string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, "keys", "create", "--tenant", "soak", "--role", "submitter", "--rate", "none")
	cmd.Env = w.env
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
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

// act makes most calls take a fifth of a second, and some fail.
func act(mockllm.Ask) (mockllm.Act, bool) {
	takes := 50*time.Millisecond + rand.N(300*time.Millisecond)
	switch p := rand.Float64(); {
	case p < 0.02:
		return mockllm.Act{Fault: mockllm.ServerError}, true
	case p < 0.04:
		return mockllm.Act{Fault: mockllm.Drop, Takes: takes}, true
	case p < 0.05:
		return mockllm.Act{Fault: mockllm.InvalidJSON, Takes: takes}, true
	}
	return mockllm.Act{Takes: takes}, true
}

// receive takes webhooks, and fails one in fifty.
func receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)) // it only counts
	if rand.IntN(50) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// close ends everything, those that need others first.
func (w *world) close() {
	for _, p := range append(append([]*process{}, w.watched...), w.victim, w.redis) {
		if p != nil {
			p.end(os.Kill)
		}
	}
	for _, s := range w.servers {
		_ = s.Close() // nobody is left that would call it
	}
	if w.rdb != nil {
		_ = w.rdb.Close() // its server is gone
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

// freeAddr finds a port that is free now, below those that systems give to outgoing
// connections, one of which could take it while its server is down.
func freeAddr() string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close() // it only tried
			return addr
		}
	}
	return ""
}

var errPatience = errors.New("it took too long")

// until polls a condition until it is met.
func until(ctx context.Context, patience time.Duration, met func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	for !met() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
