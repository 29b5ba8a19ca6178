package redistest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct{ Masters []*Server }

const (
	masters = 3
	slots   = 16384
	// formed bounds how long the servers may take to know of each other.
	formed = 30 * time.Second
)

// StartCluster starts a cluster that ends with the test. It needs redis-server 7
// or newer, and is skipped or fails as Start does.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := new(Cluster)
	var buses []string
	for range masters {
		_, bus, _ := net.SplitHostPort(freeAddr(t))
		c.Masters = append(c.Masters, start(t, "--cluster-enabled", "yes", "--cluster-port", bus,
			"--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"))
		buses = append(buses, bus)
	}
	var clients []*redis.Client
	for i, m := range c.Masters {
		rdb := m.Client(t)
		clients = append(clients, rdb)
		must(t, rdb.ClusterAddSlotsRange(t.Context(), i*slots/masters, (i+1)*slots/masters-1).Err())
		must(t, rdb.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		host, port, _ := net.SplitHostPort(c.Masters[0].Addr)
		must(t, rdb.Do(t.Context(), "CLUSTER", "MEET", host, port, buses[0]).Err())
	}
	until(t, "the cluster does not form", formed, func(ctx context.Context) bool {
		for _, rdb := range clients {
			info, err := rdb.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_size:"+strconv.Itoa(masters)) {
				return false
			}
		}
		return true
	})
	return c
}

// URL is where Spillway finds the cluster.
func (c *Cluster) URL() string {
	var addrs []string
	for _, m := range c.Masters {
		addrs = append(addrs, m.Addr)
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

// Client returns a client of the cluster that ends with the test.
func (c *Cluster) Client(t testing.TB) *redis.ClusterClient {
	var addrs []string
	for _, m := range c.Masters {
		addrs = append(addrs, m.Addr)
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = rdb.Close() }) // the test is over
	return rdb
}

// until asks until the answer is yes.
func until(t testing.TB, otherwise string, patience time.Duration, yes func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !yes(ctx) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatal(otherwise)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
