package audit

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// On a full disk the lines of changes that are under way are kept, operators go
// on, and tenants wait until there is space again.
func TestAFullDiskKeepsAReserveForOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		var log bytes.Buffer
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		l := open(t, Config{File: path, Reserve: 1 << 10, Log: slog.New(slog.NewTextHandler(&log, nil)), sync: func(f *os.File) error {
			_, err := os.Stat(path + ".reserve")
			if full.Load() && (err == nil || f.Name() != path) {
				return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.ENOSPC}
			}
			return nil
		}})
		as := func(method access.Method, scopes ...access.Scope) context.Context {
			return access.WithPrincipal(t.Context(), access.Principal{Method: method, Scopes: scopes})
		}
		tenant, operator := as(access.ByKey, access.JobsWrite), as(access.ByKey, access.AdminWrite)
		record := func(ctx context.Context, object string) error {
			line, err := l.Begin(ctx)
			if err != nil {
				return err
			}
			return line.Write(change(object))
		}
		full.Store(true)
		if err := record(tenant, "/jobs/under-way"); err != nil {
			t.Errorf("a change that was let in before: got %v", err)
		}
		for name, ctx := range map[string]context.Context{"a tenant": tenant, "a caller without a credential": as(access.ByNobody)} {
			if err := record(ctx, "/jobs/refused"); tasks.CodeOf(err) != tasks.CodeUnavailable {
				t.Errorf("%s: got %v", name, err)
			}
		}
		for name, ctx := range map[string]context.Context{"an operator": operator, "the installation": t.Context()} {
			if err := record(ctx, "/keys/1"); err != nil {
				t.Errorf("%s: got %v", name, err)
			}
		}
		full.Store(false)
		time.Sleep(restoreEvery + time.Second)
		if err := record(tenant, "/jobs/again"); err != nil {
			t.Errorf("with space again: got %v", err)
		}
		if info, err := os.Stat(path + ".reserve"); err != nil || info.Size() != 1<<10 {
			t.Errorf("the reserve: got %v, %v", info, err)
		}
		l.Close()
		if s := sound(t, Key{}, path); s.Lines != 5 {
			t.Errorf("got %d lines, want 5", s.Lines)
		}
		if got := log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "free disk space") || !strings.Contains(got, "has space again") {
			t.Errorf("the log says %s", got)
		}
	})
}

func TestTheReserveCanBeLeftOut(t *testing.T) {
	l := open(t, Config{Reserve: -1})
	write(t, l, "/jobs/job_1")
	l.Close()
	if _, err := os.Stat(l.cfg.File + ".reserve"); err == nil {
		t.Error("there is a reserve")
	}
}
