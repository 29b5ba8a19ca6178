//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// filler writes many ended jobs into a Redis: copies of those that a worker has
// ended, byte by byte, with other IDs.
type filler struct {
	templates []template
	made      int
}

// template is an ended job, as it is kept.
type template struct {
	keys   map[string]string        // what follows the job's key → what DUMP gave
	kept   map[string]time.Duration // how much longer
	scores map[string]float64       // of the lists that it is in
	size   string                   // that is reserved for it
}

// The lists that an ended job is in; the shard and the tenant are the benchmark's.
const (
	fillShard = "spillway:{0}:"
	fillList  = fillShard + "idx:bench"
	fillEnded = fillShard + "ended"
	fillSizes = fillShard + "sizes"
	fillKept  = fillShard + "kept"
)

// readTemplates reads the usual, the rare and the canceled job.
func readTemplates(ctx context.Context, rdb *redis.Client, ids ...string) (*filler, error) {
	f := &filler{}
	for _, id := range ids {
		names, err := rdb.Keys(ctx, fillShard+"job:"+id+"*").Result()
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("read job %s: %d keys, %w", id, len(names), err)
		}
		t := template{keys: map[string]string{}, kept: map[string]time.Duration{}, scores: map[string]float64{}, size: rdb.HGet(ctx, fillSizes, id).Val()}
		for _, name := range names {
			part := strings.TrimPrefix(name, fillShard+"job:"+id)
			if t.keys[part], err = rdb.Dump(ctx, name).Result(); err != nil {
				return nil, fmt.Errorf("read job %s: %w", id, err)
			}
			t.kept[part] = max(0, rdb.PTTL(ctx, name).Val())
		}
		if t.scores[fillEnded], err = rdb.ZScore(ctx, fillEnded, id+" bench").Result(); err != nil {
			return nil, fmt.Errorf("read job %s: has it ended? %w", id, err)
		}
		f.templates = append(f.templates, t)
	}
	return f, nil
}

// fill writes jobs until n have been written in all.
func (f *filler) fill(ctx context.Context, rdb *redis.Client, n int) error {
	const batch = 500
	for f.made < n {
		_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range min(batch, n-f.made) {
				f.one(ctx, p)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
	}
	return nil
}

func (f *filler) one(ctx context.Context, p redis.Pipeliner) {
	t := f.templates[0]
	switch {
	case f.made%10_000 == 5_000:
		t = f.templates[1]
	case f.made%100 == 50:
		t = f.templates[2]
	}
	// They are some days old, a second apart at most.
	id := agedID(time.Now().Add(-72*time.Hour + time.Duration(f.made)*100*time.Millisecond))
	f.made++
	for part, dump := range t.keys {
		p.Restore(ctx, fillShard+"job:"+id+part, t.kept[part], dump)
	}
	p.ZAdd(ctx, fillList, redis.Z{Member: id})
	p.ZAdd(ctx, fillEnded, redis.Z{Score: t.scores[fillEnded], Member: id + " bench"})
	if size, err := strconv.ParseInt(t.size, 10, 64); err == nil {
		p.HSet(ctx, fillSizes, id, size)
		p.HIncrBy(ctx, fillKept, "bench", size)
	}
}

// agedID returns a job's ID of a time.
func agedID(at time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // it does not fail
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16|uint64(binary.BigEndian.Uint16(b[6:8])))
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return "job_" + hex.EncodeToString(b[:])
}
