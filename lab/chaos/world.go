//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/history"
	"github.com/topcentral/spillway/providers/mockllm"
)

// world is everything that runs: the system under test, and what replaces
// the world around it.
type world struct {
	cfg config
	dir string
	log *history.Log

	rdb      *redis.Client // past all proxies
	redis    *process
	clock    *clock // of Redis
	workers  []*process
	apis     []*process
	apiURLs  []string
	models   string // URL of the mock model server
	hooks    string // URL of the receiver of webhooks
	secret   string
	key      string // API key of the clients
	floodKey string // API key of the flooding tenant
	features history.Features

	stop    context.CancelFunc // ends the processes
	servers []*http.Server
	serving sync.WaitGroup
}

// open starts the world, or nothing.
func open(ctx context.Context, cfg config, dir, binary string) (*world, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &world{cfg: cfg, dir: dir, log: history.NewLog(), stop: stop}
	w.secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])
	for _, step := range []func() error{
		func() error { return w.openRedis(ctx, life) },
		w.openModels,
		w.openReceiver,
		func() error { return w.openKeys(ctx, binary) },
		func() error { return w.openSpillway(ctx, life, binary) },
		func() error { return w.readFeatures(ctx) },
	} {
		if err := step(); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

// close ends everything that open began.
func (w *world) close() {
	w.stop()
	for _, p := range w.processes() {
		<-p.done
		if p.link != nil {
			p.link.close()
		}
	}
	for _, s := range w.servers {
		_ = s.Close() // nothing is left that would call it
	}
	w.serving.Wait()
	if w.rdb != nil {
		_ = w.rdb.Close() // its server is gone
	}
}

// processes lists all processes, those that need others first.
func (w *world) processes() []*process {
	all := append(append([]*process(nil), w.apis...), w.workers...)
	if w.redis != nil {
		all = append(all, w.redis)
	}
	return all
}

// launch starts a process and keeps it up for life.
func (w *world) launch(life context.Context, p *process) *process {
	p.logPath = filepath.Join(w.dir, p.name+".log")
	p.restartIn, p.done = restartAfter, make(chan struct{})
	p.onExit = func(up time.Duration, err error) { w.noteExit(p, up, err) }
	p.onStart = func(pid int) {
		w.log.Change(func(h *history.History) { h.Processes[pid] = history.Process{Name: p.name, Group: p.group} })
	}
	go p.run(life)
	return p
}

// startTimeout is how long a part of the world may take to start.
const startTimeout = 30 * time.Second

// serve starts an HTTP server of the world around, and returns its URL.
func (w *world) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, s)
	w.serving.Go(func() { _ = s.Serve(l) }) // it ends by close
	return "http://" + l.Addr().String(), nil
}

// openSpillway starts the system under test.
func (w *world) openSpillway(ctx, life context.Context, binary string) error {
	start := func(p *process) (*process, error) {
		var err error
		if p.link, err = newLink(p.name, w.rdb.Options().Addr); err != nil {
			return nil, err
		}
		p.path, p.env = binary, append(w.environment(p.link.addr()), p.env...)
		return w.launch(life, p), nil
	}
	agents, err := w.agentsDir("api")
	if err != nil {
		return err
	}
	for i := range w.cfg.apis {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		p, err := start(&process{
			kind: history.API, name: fmt.Sprintf("api-%d", i+1), group: "api", args: []string{"api"}, env: []string{"SPILLWAY_API_LISTEN=" + addr, "SPILLWAY_ADMIN_LISTEN=off", "SPILLWAY_AUTH=required", "SPILLWAY_AGENTS_DIR=" + agents, "SPILLWAY_QUEUED_QUOTA=0", "SPILLWAY_KEPT_JOBS=0"},
		})
		if err != nil {
			return err
		}
		w.apis, w.apiURLs = append(w.apis, p), append(w.apiURLs, "http://"+addr)
	}
	for i := range 2 * w.cfg.workers {
		lane := []string{"local", "cloud"}[i%2]
		p := &process{kind: history.Worker, name: fmt.Sprintf("%s-%d", lane, i/2+1), group: lane, args: []string{"worker", "--lane", lane}}
		if i/2 > 0 || w.cfg.workers == 1 {
			if p.agents, err = w.agentsDir(p.name); err != nil {
				return err
			}
			p.env = []string{"SPILLWAY_AGENTS_DIR=" + p.agents}
		}
		if p, err = start(p); err != nil {
			return err
		}
		w.workers = append(w.workers, p)
	}
	return w.apisAnswer(ctx)
}

// environment is the whole environment of every process of Spillway.
func (w *world) environment(redisAddr string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir,
		"SPILLWAY_REDIS_URL=redis://" + appUser + ":" + appUser + "@" + redisAddr + "/0",
		"SPILLWAY_OLLAMA_URL=" + w.models + mockllm.Path(mockllm.Ollama),
		"SPILLWAY_OPENAI_URL=" + w.models + mockllm.Path(mockllm.OpenAI),
		"OPENAI_API_KEY=mock",
		"SPILLWAY_HOST_CPU_LIMIT=0", "SPILLWAY_HOST_MEMORY_LIMIT=0", // the load here is the test's own
		"SPILLWAY_LOCAL_SLOTS=6", "SPILLWAY_CLOUD_SLOTS=2",
		"SPILLWAY_LOCAL_TIMEOUT=8s", "SPILLWAY_CLOUD_TIMEOUT=8s",
		"SPILLWAY_WORKER_DRAIN=1s", // short, so that workers also hand jobs back
		"SPILLWAY_WEBHOOK_SECRET=" + w.secret,
		"SPILLWAY_WEBHOOK_ALLOW=127.0.0.0/8",
	}
}

// apisAnswer waits until every API does.
func (w *world) apisAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, url := range w.apiURLs {
		if err := until(ctx, func() bool { _, err := fetch(ctx, url+"/openapi.yaml"); return err == nil }); err != nil {
			return fmt.Errorf("the API at %s does not answer (-keep keeps its log): %w", url, err)
		}
	}
	return nil
}

// The ports of servers that are killed and come back. They lie below those that
// systems give to outgoing connections, one of which could take the port while
// the server is down.
const firstPort, lastPort = 20_000, 32_000

// freeAddr finds a port that is free.
func freeAddr() (string, error) {
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+mathrand.IntN(lastPort-firstPort)))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no free port was found")
}
