// Package footprint counts what a run takes: the memory, keys, commands and bytes
// of a Redis, and the memory, files and processor time of a process.
package footprint

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Keys is what some keys of a Redis take.
type Keys struct {
	Count int
	Bytes int64           // as MEMORY USAGE counts them, names included
	Kinds map[string]Kind // by name, in which what differs between alike keys is replaced; see KindOf
}

// Kind is what the keys of one kind take.
type Kind struct {
	Count int
	Bytes int64
}

// scanPage is how many keys are asked for at a time.
const scanPage = 1000

// Measure measures every key that matches a pattern of SCAN. It walks the whole key
// space.
func Measure(ctx context.Context, rdb redis.UniversalClient, pattern string) (Keys, error) {
	all := Keys{Kinds: map[string]Kind{}}
	var cursor uint64
	for {
		names, next, err := rdb.Scan(ctx, cursor, pattern, scanPage).Result()
		if err != nil {
			return all, fmt.Errorf("list keys: %w", err)
		}
		sizes := make([]*redis.IntCmd, len(names))
		_, err = rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, name := range names {
				sizes[i] = p.MemoryUsage(ctx, name, 0) // 0: every element is counted
			}
			return nil
		})
		if err != nil && err != redis.Nil { //nolint:errorlint // a pipeline returns it bare: a key is gone meanwhile
			return all, fmt.Errorf("measure keys: %w", err)
		}
		for i, name := range names {
			all.add(name, sizes[i].Val())
		}
		if cursor = next; cursor == 0 {
			return all, nil
		}
	}
}

func (k *Keys) add(name string, bytes int64) {
	if bytes == 0 {
		return
	}
	k.Count++
	k.Bytes += bytes
	kind := k.Kinds[KindOf(name)]
	kind.Count++
	kind.Bytes += bytes
	k.Kinds[KindOf(name)] = kind
}

var differs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z]+_[0-9a-f]{16,}|[0-9a-f]{16,}|\d{4}-\d\d(-\d\d)?|\d+`)

// KindOf replaces the numbers, dates and IDs in the name of a key by an asterisk.
func KindOf(key string) string { return differs.ReplaceAllString(key, "*") }

// Traffic is what a Redis has done since it started.
type Traffic struct {
	Reads    int64            // from connections: round trips, roughly
	Commands int64            // those that scripts call included
	Calls    map[string]int64 // by command
	Received int64            // bytes
	Sent     int64            // bytes
}

// ReadTraffic reads the counters of a server. Its own commands are not counted.
func ReadTraffic(ctx context.Context, rdb redis.UniversalClient) (Traffic, error) {
	t := Traffic{Calls: map[string]int64{}}
	text, err := rdb.Info(ctx, "commandstats", "stats").Result()
	if err != nil {
		return t, fmt.Errorf("read the counters of Redis: %w", err)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if command, ok := strings.CutPrefix(name, "cmdstat_"); ok && command != "info" {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			n, _ := strconv.ParseInt(calls, 10, 64)
			t.Calls[command] += n
			t.Commands += n
		}
	}
	t.Reads = field(text, "total_reads_processed")
	t.Received, t.Sent = field(text, "total_net_input_bytes"), field(text, "total_net_output_bytes")
	return t, nil
}

// Since returns what was done after before was read.
func (t Traffic) Since(before Traffic) Traffic {
	d := Traffic{
		Reads:    t.Reads - before.Reads - 1, // the call that reads this
		Commands: t.Commands - before.Commands, Calls: map[string]int64{},
		Received: t.Received - before.Received, Sent: t.Sent - before.Sent,
	}
	for name, n := range t.Calls {
		if n -= before.Calls[name]; n > 0 {
			d.Calls[name] = n
		}
	}
	return d
}

// Scripts returns how many of the commands were calls of scripts.
func (t Traffic) Scripts() int64 {
	return t.Calls["eval"] + t.Calls["evalsha"] + t.Calls["fcall"]
}

// UsedMemory is what Redis says its data takes, in bytes.
func UsedMemory(ctx context.Context, rdb redis.UniversalClient) (int64, error) {
	text, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("read the memory of Redis: %w", err)
	}
	return field(text, "used_memory"), nil
}

// field returns a number of INFO.
func field(text, name string) int64 {
	_, rest, _ := strings.Cut("\n"+text, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\r")
	n, _ := strconv.ParseInt(line, 10, 64)
	return n
}
