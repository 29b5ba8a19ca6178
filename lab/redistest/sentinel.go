package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Sentinel is a master with a replica, and one Sentinel that watches them.
type Sentinel struct {
	Master, Replica *Server
	Addr            string // of the Sentinel
}

// masterName is how the Sentinel calls the master.
const masterName = "spillway"

// StartSentinel starts the three, which end with the test. Where there is no
// redis-server, it skips or fails as Start does.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{Master: Start(t), Addr: freeAddr(t)}
	host, port, _ := net.SplitHostPort(s.Master.Addr)
	s.Replica = start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")

	dir := t.TempDir()
	_, own, _ := net.SplitHostPort(s.Addr)
	conf := filepath.Join(dir, "sentinel.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `port %s
bind 127.0.0.1
dir %s
sentinel monitor %[3]s %[4]s %[5]s 1
sentinel down-after-milliseconds %[3]s 1000
sentinel failover-timeout %[3]s 5000
`, own, dir, masterName, host, port), 0o600))
	cmd := exec.Command("redis-server", conf, "--sentinel") //nolint:gosec // a file of our own
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // it was killed
	})

	rdb := redis.NewSentinelClient(&redis.Options{Addr: s.Addr})
	defer rdb.Close() //nolint:errcheck // it only asked
	until(t, "the Sentinel does not find the replica", formed, func(ctx context.Context) bool {
		replicas, err := rdb.Replicas(ctx, masterName).Result()
		return err == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok" && replicas[0]["slave-repl-offset"] != "0"
	})
	return s
}

// URL is where Spillway finds the master.
func (s *Sentinel) URL() string { return "redis+sentinel://" + s.Addr + "/" + masterName + "/0" }

// Failed waits until the replica has taken over from the master.
func (s *Sentinel) Failed(t testing.TB) {
	t.Helper()
	rdb := redis.NewSentinelClient(&redis.Options{Addr: s.Addr})
	defer rdb.Close() //nolint:errcheck // it only asked
	until(t, "the replica does not take over", time.Minute, func(ctx context.Context) bool {
		addr, err := rdb.GetMasterAddrByName(ctx, masterName).Result()
		return err == nil && len(addr) == 2 && net.JoinHostPort(addr[0], addr[1]) == s.Replica.Addr
	})
}
