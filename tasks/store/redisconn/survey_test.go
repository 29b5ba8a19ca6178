package redisconn

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

func TestSurveyOfARealServer(t *testing.T) {
	rdb := redistest.Real(t)
	look := func() Node {
		t.Helper()
		nodes, err := Survey(t.Context(), rdb)
		if err != nil || len(nodes) != 1 {
			t.Fatalf("survey: got %d nodes, %v", len(nodes), err)
		}
		return nodes[0]
	}
	n := look()
	if n.Addr != rdb.Options().Addr || !n.AtLeast(6, 2) || n.Policy != "noeviction" || n.Used == 0 || n.Limit != 0 {
		t.Errorf("got %+v", n)
	}
	if !n.AOF || n.AOFBroken || n.Cluster || n.SlotsDown || n.Evicted != 0 || n.Skew.Abs() > SkewWarn {
		t.Errorf("got %+v, want a good server with an append-only file", n)
	}
	if n.WaitAOF != n.AtLeast(7, 2) {
		t.Errorf("version %s can wait for the disk: got %v", n.Version, n.WaitAOF)
	}
	for setting, value := range map[string]string{"appendonly": "no", "maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"} {
		if err := rdb.ConfigSet(t.Context(), setting, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n := look(); n.AOF || n.WaitAOF || n.Limit != 100<<20 || n.Policy != "allkeys-lru" {
		t.Errorf("after its settings changed: got %+v", n)
	}
}

func TestSurveyOfNobody(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "0.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer rdb.Close()
	if _, err := Survey(t.Context(), rdb); err == nil {
		t.Error("no error")
	}
}

func TestNodeReadsINFO(t *testing.T) {
	var n Node
	n.read(parseInfo("# Server\r\nredis_version:7.4.1\r\n\r\n# Memory\r\nused_memory:1048576\r\nmaxmemory:2097152\r\nmaxmemory_policy:volatile-ttl\r\n" +
		"# Persistence\r\naof_enabled:1\r\naof_last_write_status:err\r\n# Stats\r\nevicted_keys:7\r\n# Cluster\r\ncluster_enabled:1\r\n"))
	want := Node{Known: true, Version: "7.4.1", AOF: true, AOFBroken: true, Policy: "volatile-ttl", Used: 1 << 20, Limit: 2 << 20, Evicted: 7, Cluster: true}
	if n != want {
		t.Errorf("got %+v, want %+v", n, want)
	}
}

func TestAtLeast(t *testing.T) {
	for version, want := range map[string]bool{"6.0.16": false, "6.2.0": true, "7.0.15": true, "5.0.14": false, "10.0": true, "": true, "255.255.255": true} {
		if got := (Node{Version: version}).AtLeast(6, 2); got != want {
			t.Errorf("%q is 6.2 or newer: got %v, want %v", version, got, want)
		}
	}
}
