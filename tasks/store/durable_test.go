package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// calls notes which commands came over which connection.
type calls struct {
	mu sync.Mutex
	by map[string][]*server.Peer
}

func (c *calls) note(p *server.Peer, cmd string, _ ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.ToUpper(cmd)
	c.by[name] = append(c.by[name], p)
	return false
}

func fsync(cfg *store.Config) { cfg.Fsync = true }

// A new job is acknowledged when Redis says that it is on disk, and not before.
// No Redis here has WAITAOF, so a stand-in for it answers.
func TestCreateWaitsForTheDisk(t *testing.T) {
	tests := map[string]struct {
		onDisk int
		code   tasks.Code
	}{
		"written":        {1, ""},
		"disk is behind": {0, tasks.CodeUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := miniredis.RunT(t)
			seen := &calls{by: map[string][]*server.Peer{}}
			m.Server().SetPreHook(seen.note)
			var asked []string
			err := m.Server().Register("WAITAOF", func(p *server.Peer, _ string, args []string) {
				asked = args
				p.WriteLen(2)
				p.WriteInt(tt.onDisk)
				p.WriteInt(0)
			})
			if err != nil {
				t.Fatal(err)
			}
			rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
			defer rdb.Close()
			s := open(t, rdb, fsync)

			j := draft()
			_, err = s.Create(t.Context(), j, []byte(`{}`), store.Idempotency{})
			if got := tasks.CodeOf(err); err == nil && tt.code != "" || err != nil && got != tt.code {
				t.Errorf("create: got %v, want code %q", err, tt.code)
			}
			if want := "1 0 1500"; strings.Join(asked, " ") != want {
				t.Errorf("WAITAOF: asked for %q, want %q", asked, want)
			}
			if _, err := s.Find(t.Context(), j.ID); err != nil {
				t.Errorf("the job is not recorded: %v", err)
			}
			for _, p := range slices.Concat(seen.by["EVALSHA"], seen.by["EVAL"]) {
				if p != seen.by["WAITAOF"][0] {
					t.Error("the script and the wait used different connections")
				}
			}
		})
	}
}

// Start-up turns the wait off where a server has none; should one come into use
// later, by a failover, nothing is acknowledged that is not safe.
func TestCreateDoesNotAcknowledgeWhatCannotBeConfirmed(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		_, err := open(t, rdb, fsync).Create(t.Context(), draft(), []byte(`{}`), store.Idempotency{})
		if err == nil && rdb.Do(t.Context(), "WAITAOF", 1, 0, 0).Err() == nil {
			t.Skip("SKIPPED, NOT TESTED: what happens without WAITAOF, which this Redis has")
		}
		if got := tasks.CodeOf(err); got != tasks.CodeUnavailable {
			t.Errorf("got %v, want code %s", err, tasks.CodeUnavailable)
		}
	})
}
