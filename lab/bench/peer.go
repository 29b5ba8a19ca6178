//go:build unix

package main

import (
	"context"
	"embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// peerFiles are fastify with BullMQ, which the benchmark compares with.
//
//go:embed peer
var peerFiles embed.FS

// peer is what runs of fastify and BullMQ.
type peer struct {
	dir       string // of its program
	api       string // address
	redisAddr string
	rdb       *redis.Client
}

// installPeer installs the peer's program into a folder, and returns it. Where
// there is none it returns "", after saying so loudly.
func installPeer(ctx context.Context, dir string, say func(string)) string {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			say("SKIPPED, NOT COMPARED WITH FASTIFY AND BULLMQ: " + tool + " is not installed")
			return ""
		}
	}
	if err := os.CopyFS(dir, peerFiles); err != nil {
		say("SKIPPED, NOT COMPARED WITH FASTIFY AND BULLMQ: " + err.Error())
		return ""
	}
	dir = filepath.Join(dir, "peer")
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		say(fmt.Sprintf("SKIPPED, NOT COMPARED WITH FASTIFY AND BULLMQ: npm cannot install them: %v\n%s", err, text))
		return ""
	}
	return dir
}

// openPeer starts the peer's API on a Redis of its own with the same settings. It
// returns nil where the peer is not installed.
func (w *world) openPeer(ctx context.Context) (*peer, error) {
	if w.cfg.peerDir == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	p := &peer{dir: w.cfg.peerDir, api: freeAddr(), redisAddr: freeAddr()}
	var err error
	if p.rdb, err = w.startRedis(ctx, "peer redis", p.redisAddr); err != nil {
		return nil, err
	}
	if err := w.start("peer", []string{"NODE_ENV=production"}, "node", filepath.Join(p.dir, "peer.js"), "api", portOf(p.api), portOf(p.redisAddr)); err != nil {
		return nil, err
	}
	return p, until(ctx, func() bool { return answers(p.api) })
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// work starts the peer's worker, which does nothing with each job.
func (p *peer) work(w *world) error {
	return w.start("peer worker", []string{"NODE_ENV=production"}, "node", filepath.Join(p.dir, "peer.js"), "worker", portOf(p.redisAddr), strconv.Itoa(callers))
}

// peerPosting has callers add jobs.
func (w *world) peerPosting(p *peer, ids *ring) (work, error) {
	return w.callingAt(p.api, callers, w.cfg.span, func(c *caller) error { return postPeer(c, ids) })
}

func postPeer(c *caller, ids *ring) error {
	a, err := c.ask("POST /jobs", "none", "", opportunity(uuid.NewString(), ""))
	if err != nil {
		return err
	}
	_, id, ok := strings.Cut(string(a.body), `"id":"`)
	if a.status != http.StatusAccepted || !ok {
		return fmt.Errorf("status %d of the peer: %s", a.status, a.body)
	}
	id, _, _ = strings.Cut(id, `"`)
	ids.add(id)
	return nil
}

// peerGetting has callers ask for jobs, or with rest "/state" for their states alone.
func (w *world) peerGetting(p *peer, ids *ring, rest string) (work, error) {
	return w.callingAt(p.api, callers, w.cfg.span, func(c *caller) error {
		a, err := c.ask("GET /jobs/"+ids.pick()+rest, "none", "", "")
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("status %d of the peer: %s", a.status, a.body)
		}
		return err
	})
}
