package redisconn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Node is what one Redis server says of itself.
type Node struct {
	Addr    string
	Known   bool   // it says what follows of itself; else only Skew is known
	Version string // "7.0.15"
	Skew    time.Duration

	AOF       bool // it keeps an append-only file
	AOFBroken bool // the last write to it failed
	WaitAOF   bool // it can confirm that a write is on disk
	Policy    string
	Used      int64 // bytes of memory
	Limit     int64 // of memory, in bytes; 0: none
	Evicted   int64 // keys, since it was started

	Cluster   bool // it belongs to a cluster
	SlotsDown bool // the cluster does not serve every slot
}

// Survey asks the server, or each master of a cluster, what it promises. The
// nodes are in order of their addresses.
func Survey(ctx context.Context, rdb redis.UniversalClient) ([]Node, error) {
	switch c := rdb.(type) {
	case *redis.ClusterClient:
		var mu sync.Mutex
		var nodes []Node
		err := c.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
			n, err := survey(ctx, master)
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, n)
			return err
		})
		slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Addr, b.Addr) })
		return nodes, err
	case *redis.Client:
		n, err := survey(ctx, c)
		return []Node{n}, err
	}
	return nil, fmt.Errorf("a %T cannot be asked about its servers", rdb)
}

func survey(ctx context.Context, server *redis.Client) (Node, error) {
	n := Node{Addr: server.Options().Addr}
	text, err := server.Info(ctx).Result()
	denied := err != nil && strings.HasPrefix(err.Error(), "NOPERM")
	if err != nil && !denied {
		return n, fmt.Errorf("ask %s about itself: %w", n.Addr, err)
	}
	if !denied {
		n.read(parseInfo(text))
	}
	if n.Skew, err = Skew(ctx, server); err != nil {
		return n, err
	}
	if known, err := server.Do(ctx, "COMMAND", "INFO", "WAITAOF").Slice(); err == nil {
		n.WaitAOF = n.AOF && len(known) == 1 && known[0] != nil
	}
	if n.Cluster {
		state, err := server.ClusterInfo(ctx).Result()
		if err != nil {
			return n, fmt.Errorf("ask %s about its cluster: %w", n.Addr, err)
		}
		n.SlotsDown = parseInfo(state)["cluster_state"] != "ok"
	}
	return n, nil
}

// read parses the answer to INFO.
func (n *Node) read(info map[string]string) {
	number := func(field string) int64 {
		v, _ := strconv.ParseInt(info[field], 10, 64)
		return v
	}
	n.Known, n.Version = true, info["redis_version"]
	n.AOF, n.AOFBroken = info["aof_enabled"] == "1", cmp.Or(info["aof_last_write_status"], "ok") != "ok"
	n.Policy = info["maxmemory_policy"]
	n.Used, n.Limit, n.Evicted = number("used_memory"), number("maxmemory"), number("evicted_keys")
	n.Cluster = info["cluster_enabled"] == "1"
}

// parseInfo reads lines of name:value.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// AtLeast reports whether the server's version is major.minor or newer. One
// that does not report it counts as new.
func (n Node) AtLeast(major, minor int) bool {
	first, rest, _ := strings.Cut(n.Version, ".")
	second, _, _ := strings.Cut(rest, ".")
	x, err := strconv.Atoi(first)
	if err != nil {
		return true
	}
	y, _ := strconv.Atoi(second)
	return x > major || x == major && y >= minor
}
