package doctor

import (
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// levels returns how bad each finding is, leaving out what is well.
func levels(findings []Finding) []string {
	bad := []string{}
	for _, f := range findings {
		if f.Level != OK {
			bad = append(bad, string(f.Level)+" "+f.Check)
		}
	}
	slices.Sort(bad)
	return bad
}

func TestRedisFindings(t *testing.T) {
	good := redisconn.Node{Addr: "h:1", Known: true, Version: "7.4.0", AOF: true, WaitAOF: true, Policy: "noeviction", Used: 10 << 20, Limit: 100 << 20}
	tests := []struct {
		name   string
		spoil  func(*redisconn.Node)
		wanted config.Durability
		want   []string
	}{
		{"all is well", func(*redisconn.Node) {}, config.DurabilityFsync, []string{}},
		{"too old", func(n *redisconn.Node) { n.Version = "6.0.16" }, config.DurabilityDefault, []string{"FAIL redis h:1 version"}},
		{"eviction", func(n *redisconn.Node) { n.Policy = "allkeys-lru" }, config.DurabilityDefault, []string{"FAIL redis h:1 eviction"}},
		{"evicted", func(n *redisconn.Node) { n.Evicted = 3 }, config.DurabilityDefault, []string{"FAIL redis h:1 evicted keys"}},
		{"in memory only", func(n *redisconn.Node) { n.AOF = false }, config.DurabilityDefault, []string{"warn redis h:1 append-only file"}},
		{"disk is full", func(n *redisconn.Node) { n.AOFBroken = true }, config.DurabilityDefault, []string{"FAIL redis h:1 last write to disk"}},
		{"memory is short", func(n *redisconn.Node) { n.Used = 90 << 20 }, config.DurabilityDefault, []string{"warn redis h:1 memory"}},
		{"no limit", func(n *redisconn.Node) { n.Limit = 0 }, config.DurabilityDefault, []string{}},
		{"clock is off", func(n *redisconn.Node) { n.Skew = 2 * time.Second }, config.DurabilityDefault, []string{"warn redis h:1 clock"}},
		{"clock is far off", func(n *redisconn.Node) { n.Skew = -6 * time.Second }, config.DurabilityDefault, []string{"FAIL redis h:1 clock"}},
		{"no WAITAOF", func(n *redisconn.Node) { n.WaitAOF = false }, config.DurabilityFsync, []string{"warn redis h:1 fsync"}},
		{"no WAITAOF, not wanted", func(n *redisconn.Node) { n.WaitAOF = false }, config.DurabilityDefault, []string{}},
		{"cluster", func(n *redisconn.Node) { n.Cluster = true }, config.DurabilityDefault, []string{}},
		{"cluster is down", func(n *redisconn.Node) { n.Cluster, n.SlotsDown = true, true }, config.DurabilityDefault, []string{"FAIL redis h:1 cluster"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := good
			tt.spoil(&n)
			found := CheckRedis(n, tt.wanted)
			if got := levels(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			for _, f := range found {
				if (f.Level == OK) != (f.Do == "") {
					t.Errorf("%+v: what to do belongs to what is bad", f)
				}
			}
		})
	}
}

func TestWorkAndQueueFindings(t *testing.T) {
	now := time.Now()
	worker := func(lane tasks.Lane) tasks.Worker {
		return tasks.Worker{ID: "w-" + string(lane), StartedAt: now, SeenAt: now, Serves: []tasks.LaneService{{Lane: lane, Queues: queue.Names(lane), Slots: 2}}}
	}
	both := []tasks.Worker{worker(tasks.Local), worker(tasks.Cloud)}
	ahead := worker(tasks.Local)
	ahead.StartedAt = now.Add(time.Minute)
	full, calm := worker(tasks.Local), worker(tasks.Local)
	full.Host, calm.Host = &tasks.Host{CPU: 0.95, Memory: 0.5, Full: true}, &tasks.Host{CPU: 0.1, Memory: 0.5}
	tests := []struct {
		name    string
		workers []tasks.Worker
		depths  []queue.Depth
		want    []string
	}{
		{"all is well", both, []queue.Depth{{Queue: "local.high", Waiting: 3, Oldest: time.Minute}}, []string{}},
		{"no worker", nil, nil, []string{"FAIL workers"}},
		{"no local worker", both[1:], []queue.Depth{{Queue: "local.high", Waiting: 3}}, []string{"warn lane local", "warn queue local.high"}},
		{"clock of a worker", []tasks.Worker{ahead, both[1]}, nil, []string{"FAIL worker w-local"}},
		{"machine of a worker", []tasks.Worker{full, both[1]}, nil, []string{"warn machine of w-local"}},
		{"machine of a worker, at ease", []tasks.Worker{calm, both[1]}, nil, []string{}},
		{"paused", both, []queue.Depth{{Queue: "local.high", Paused: true}}, []string{"warn queue local.high"}},
		{"given up", both, []queue.Depth{{Queue: "webhooks", Dead: 2}}, []string{"warn queue webhooks"}},
		{"too slow", both, []queue.Depth{{Queue: "cloud.low", Waiting: 1, Oldest: time.Hour}}, []string{"warn queue cloud.low"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := append(workerFindings(tt.workers, tt.depths), queueFindings(tt.depths, tt.workers)...)
			if got := levels(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
