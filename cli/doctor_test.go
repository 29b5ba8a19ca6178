package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// levels tells how bad each finding is, leaving out what is well.
func levels(findings []finding) []string {
	bad := []string{}
	for _, f := range findings {
		if f.level != levelOK {
			bad = append(bad, string(f.level)+" "+f.check)
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
		wanted durability
		want   []string
	}{
		{"all is well", func(*redisconn.Node) {}, durabilityFsync, []string{}},
		{"too old", func(n *redisconn.Node) { n.Version = "6.0.16" }, durabilityDefault, []string{"FAIL redis h:1 version"}},
		{"eviction", func(n *redisconn.Node) { n.Policy = "allkeys-lru" }, durabilityDefault, []string{"FAIL redis h:1 eviction"}},
		{"evicted", func(n *redisconn.Node) { n.Evicted = 3 }, durabilityDefault, []string{"FAIL redis h:1 evicted keys"}},
		{"in memory only", func(n *redisconn.Node) { n.AOF = false }, durabilityDefault, []string{"warn redis h:1 append-only file"}},
		{"disk is full", func(n *redisconn.Node) { n.AOFBroken = true }, durabilityDefault, []string{"FAIL redis h:1 last write to disk"}},
		{"memory is short", func(n *redisconn.Node) { n.Used = 90 << 20 }, durabilityDefault, []string{"warn redis h:1 memory"}},
		{"no limit", func(n *redisconn.Node) { n.Limit = 0 }, durabilityDefault, []string{}},
		{"clock is off", func(n *redisconn.Node) { n.Skew = 2 * time.Second }, durabilityDefault, []string{"warn redis h:1 clock"}},
		{"clock is far off", func(n *redisconn.Node) { n.Skew = -6 * time.Second }, durabilityDefault, []string{"FAIL redis h:1 clock"}},
		{"no WAITAOF", func(n *redisconn.Node) { n.WaitAOF = false }, durabilityFsync, []string{"warn redis h:1 fsync"}},
		{"no WAITAOF, not wanted", func(n *redisconn.Node) { n.WaitAOF = false }, durabilityDefault, []string{}},
		{"cluster", func(n *redisconn.Node) { n.Cluster = true }, durabilityDefault, []string{}},
		{"cluster is down", func(n *redisconn.Node) { n.Cluster, n.SlotsDown = true, true }, durabilityDefault, []string{"FAIL redis h:1 cluster"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := good
			tt.spoil(&n)
			found := redisFindings(n, tt.wanted)
			if got := levels(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			for _, f := range found {
				if (f.level == levelOK) != (f.do == "") {
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

// doctorSays runs the doctor and checks its exit code and lines that it prints.
func doctorSays(t *testing.T, code int, want ...string) {
	t.Helper()
	out, errs, got := command(t, "doctor")
	if got != code {
		t.Errorf("exit code: got %d, want %d (%s)", got, code, errs)
	}
	for _, line := range want {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(out) {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
}

func TestDoctorOnARunningInstallation(t *testing.T) {
	models := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"models":[{"name":"qwen2.5:7b","model":"qwen2.5:7b","details":{"family":"qwen2","parameter_size":"7.6B"}}]}`)
	}))
	defer models.Close()
	refused := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"message":"no such key"}}`)
	}))
	defer refused.Close()
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_OLLAMA_URL", models.URL)
	doctorSays(t, exitError, `FAIL +workers +none is alive\n +→ start one`)

	serve(t, regexp.MustCompile("worker is ready"), "worker", "--lane", "local")
	doctorSays(t, exitOK, `ok +redis `, `ok +redis \S+ eviction`, `ok +worker \S+ +.*local \(0 of 1 slots busy\)`, `warn +lane cloud`,
		`ok +queues `, `ok +agents `, `ok +ollama +.*1 model`, `warn +model deepseek-r1:32b +.*A02`, `warn +clouds +no key`)

	t.Setenv("DEEPSEEK_API_KEY", "wrong")
	t.Setenv("SPILLWAY_DEEPSEEK_URL", refused.URL)
	doctorSays(t, exitError, `FAIL +cloud deepseek .*\n +→ put a valid key into DEEPSEEK_API_KEY`)
}

func TestDoctorWithoutRedis(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://:secret@127.0.0.1:1")
	doctorSays(t, exitError, `FAIL +redis +127.0.0.1:1: .*refused`, `warn +ollama`, `ok +agents`)
	if out, _, _ := command(t, "doctor"); strings.Contains(out, "secret") {
		t.Errorf("it prints the password:\n%s", out)
	}
}

func TestDoctorOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	t.Setenv("SPILLWAY_REDIS_URL", cluster.URL())
	var want []string
	for _, m := range cluster.Masters {
		want = append(want, `ok +redis `+m.Addr+` cluster +serves every slot`)
	}
	doctorSays(t, exitError, want...) // for want of a worker
}
