package footprint

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
)

func TestProcessorTimeIsReadPastTheName(t *testing.T) {
	if got, want := processorTime("7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 20 30 0 0"), 500*time.Millisecond; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestKinds(t *testing.T) {
	for key, want := range map[string]string{
		"spillway:{3}:job:job_01998f1e3b7a7c00a1b2c3d4e5f60718:events": "spillway:{*}:job:*:events",
		"asynq:{local.high}:processed:2026-12-01":                      "asynq:{local.high}:processed:*",
		"bull:jobs:17": "bull:jobs:*",
		"asynq:{x}:t:0b46eb92-2a5c-4d2c-9c3a-0d5a3f2d6b11": "asynq:{x}:t:*",
	} {
		if got := KindOf(key); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED, NOT TESTED: processes are read from /proc, which only Linux has")
	}
	p, err := ReadProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if p.Resident < 1<<20 || p.Anonymous > p.Resident || p.Files < 3 || p.Threads < 1 {
		t.Errorf("got %+v", p)
	}
}

func TestMeasureRedis(t *testing.T) {
	rdb, ctx := redistest.Real(t), t.Context()
	before, err := ReadTraffic(ctx, rdb)
	if err != nil {
		t.Fatal(err)
	}
	rdb.Set(ctx, "a:1", strings.Repeat("x", 1000), 0)
	rdb.Set(ctx, "a:22", strings.Repeat("x", 1000), 0)
	rdb.Eval(ctx, "return redis.call('SET', KEYS[1], 'y')", []string{"b"})
	after, err := ReadTraffic(ctx, rdb)
	if err != nil {
		t.Fatal(err)
	}
	if d := after.Since(before); d.Reads != 3 || d.Commands != 4 || d.Calls["set"] != 3 || d.Scripts() != 1 || d.Received < 2000 {
		t.Errorf("traffic: got %+v", d)
	}
	keys, err := Measure(ctx, rdb, "*")
	if err != nil {
		t.Fatal(err)
	}
	if k := keys.Kinds["a:*"]; keys.Count != 3 || k.Count != 2 || k.Bytes < 2000 || k.Bytes > 3000 {
		t.Errorf("keys: got %+v", keys)
	}
	if n, err := UsedMemory(ctx, rdb); err != nil || n < keys.Bytes {
		t.Errorf("memory: got %d, %v", n, err)
	}
}
