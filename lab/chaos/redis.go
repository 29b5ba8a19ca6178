//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/history"
)

// appUser is the Redis user of Spillway's processes, and its password. The
// harness itself uses the default user, whose permissions no fault changes.
const appUser = "app"

// appRule is the rule that docs/operations.md has for that user.
const appRule = "on >" + appUser + " resetkeys ~spillway:* ~asynq:* resetchannels " + appChannels +
	" -@all +@read +@write +@connection +@transaction +@scripting +@pubsub -@dangerous +info +time +cluster"

const appChannels = "&spillway:* &asynq:*"

// snapshotFile is where Redis would write a snapshot; a folder of that name is
// in its place, so that each snapshot fails.
const snapshotFile = "snapshot.rdb"

func (w *world) openRedis(ctx, life context.Context) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("%w: install Debian's package redis-server", err)
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	data := filepath.Join(w.dir, "redis")
	if err := os.MkdirAll(filepath.Join(data, snapshotFile), 0o700); err != nil {
		return fmt.Errorf("make Redis's folder: %w", err)
	}
	if err := os.WriteFile(w.redisConf(), nil, 0o600); err != nil {
		return fmt.Errorf("write Redis's configuration: %w", err)
	}
	acl := filepath.Join(w.dir, "users.acl")
	if err := os.WriteFile(acl, []byte("user default on nopass ~* &* +@all\nuser "+appUser+" "+appRule+"\n"), 0o600); err != nil {
		return fmt.Errorf("write Redis's users: %w", err)
	}
	if w.clock, err = newClock(ctx, w.dir); err != nil {
		return err
	}
	w.redis = w.launch(life, &process{kind: history.Redis, name: "redis", path: path, env: w.clock.env(), args: []string{
		w.redisConf(), "--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "",
		"--appendonly", "yes", "--appendfsync", w.cfg.fsync, "--maxmemory-policy", "noeviction",
		"--dbfilename", snapshotFile, "--aclfile", acl,
	}})
	w.rdb = redis.NewClient(&redis.Options{Addr: addr, DialTimeout: time.Second, ReadTimeout: 30 * time.Second})
	return w.redisAnswers(ctx)
}

// redisConf is the configuration file that Redis reads at each start.
func (w *world) redisConf() string { return filepath.Join(w.dir, "redis.conf") }

// redisAnswers waits until Redis does.
func (w *world) redisAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := until(ctx, func() bool { return w.rdb.Ping(ctx).Err() == nil }); err != nil {
		return fmt.Errorf("redis does not answer: %w", err)
	}
	return nil
}
