package redisconn

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestParse(t *testing.T) {
	type want struct {
		addrs              string
		user, password     string
		db                 int
		secure             bool
		master, sentinelPw string
	}
	tests := map[string]want{
		"redis://localhost":                                          {addrs: "localhost:6379"},
		"redis://10.0.0.5:6380/2":                                    {addrs: "10.0.0.5:6380", db: 2},
		"REDIS://localhost":                                          {addrs: "localhost:6379"},
		"redis://[::1]:6380":                                         {addrs: "[::1]:6380"},
		"redis://[::1]":                                              {addrs: "[::1]:6379"},
		"redis://:pass@h":                                            {addrs: "h:6379", password: "pass"},
		"redis://user:p%40s%2Fs%3F@h/1":                              {addrs: "h:6379", user: "user", password: "p@s/s?", db: 1},
		"rediss://user:pass@h:6390/3?pool_size=5":                    {addrs: "h:6390", user: "user", password: "pass", db: 3, secure: true},
		"redis+cluster://a:7000,b:7001,c":                            {addrs: "a:7000 b:7001 c:6379"},
		"redis+cluster://u:p@a:7000,[::1]:7001/":                     {addrs: "a:7000 [::1]:7001", user: "u", password: "p"},
		"redis+cluster://a/0":                                        {addrs: "a:6379"},
		"rediss+cluster://a:7000?read_timeout=1s":                    {addrs: "a:7000", secure: true},
		"redis+sentinel://s1,s2:26380/mymaster":                      {addrs: "s1:26379 s2:26380", master: "mymaster"},
		"redis+sentinel://u:p@s1/mymaster/4":                         {addrs: "s1:26379", master: "mymaster", user: "u", password: "p", db: 4},
		"rediss+sentinel://s1/m?sentinel_password=x%26y&pool_size=3": {addrs: "s1:26379", master: "m", sentinelPw: "x&y", secure: true},
	}
	for url, want := range tests {
		t.Run(url, func(t *testing.T) {
			got, err := parse(url)
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			o := got.options
			if addrs := strings.Join(got.addrs, " "); addrs != want.addrs {
				t.Errorf("addresses: got %s, want %s", addrs, want.addrs)
			}
			if o.Username != want.user || o.Password != want.password || o.DB != want.db {
				t.Errorf("got user %q, password %q, database %d", o.Username, o.Password, o.DB)
			}
			if secure := o.TLSConfig != nil; secure != want.secure {
				t.Errorf("TLS: got %v, want %v", secure, want.secure)
			}
			if got.master != want.master || got.sentinelPassword != want.sentinelPw {
				t.Errorf("Sentinels: got master %q, password %q", got.master, got.sentinelPassword)
			}
		})
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	const secret = "s3cr3t"
	tests := map[string]string{
		"":                                     "want redis://",
		"localhost:6379":                       "want redis://",
		"http://localhost":                     "want redis://",
		"redis+ring://a":                       "want redis://",
		"redis+://a":                           "want redis://",
		"redis://":                             `"" is not a host`,
		"redis://:6379":                        `":6379" is not a host`,
		"redis://a,b":                          "redis+cluster://",
		"redis://a:0":                          `"0" is not a port`,
		"redis://a:65536":                      `"65536" is not a port`,
		"redis://a:x":                          "is not a host",
		"redis://::1":                          "is not a host",
		"redis://a/x":                          "invalid database number",
		"redis://a/-1":                         "a number from 0",
		"redis://a?wat=1":                      "unexpected option: wat",
		"redis://a?pool_size=x":                "invalid pool_size",
		"redis://a?pool_size=99999999999":      "a pool option",
		"redis://a?%zz":                        "options after ?",
		"redis://:" + secret + "/x@a":          "percent-encoded",
		"redis://:" + secret + "%zz@a":         "percent-encode",
		"redis+cluster://a,,b":                 `"" is not a host`,
		"redis+cluster://a/1":                  "database 0 only",
		"redis+cluster://a?db=1":               "database 0 only",
		"redis+sentinel://a":                   "must name the master",
		"redis+sentinel://a/":                  "must name the master",
		"redis+sentinel://a/m/x":               "invalid database number",
		"redis+sentinel://a/m/0/x":             "invalid URL path",
		"redis+cluster://u:" + secret + "@a:x": `"a:x" is not a host`,
	}
	for url, want := range tests {
		t.Run(url, func(t *testing.T) {
			_, err := Open(url, API)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want it to say %q", err, want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the password: %q", err)
			}
		})
	}
}

func TestOpenMakesTheClientForTheServers(t *testing.T) {
	for url, want := range map[string]string{
		"redis://localhost": "*redis.Client", "redis+cluster://localhost": "*redis.ClusterClient", "redis+sentinel://localhost/m": "*redis.Client",
	} {
		rdb, err := Open(url, Worker)
		if err != nil {
			t.Fatalf("open %s: %v", url, err)
		}
		defer rdb.Close()
		if got := fmt.Sprintf("%T", rdb); got != want {
			t.Errorf("%s: got a %s, want a %s", url, got, want)
		}
	}
}

func TestOpenTunesForItsRole(t *testing.T) {
	tests := []struct {
		name, url string
		role      Role
		dial      time.Duration
		retries   int
	}{
		{"an API fails fast", "redis://h", API, time.Second, 1},
		{"a worker has time", "redis://h", Worker, 3 * time.Second, 4},
		{"the URL wins over the pool", "redis://h?pool_size=24", Worker, 3 * time.Second, 4},
		{"the URL wins", "redis://h?dial_timeout=7s&max_retries=9", API, 7 * time.Second, 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rdb, err := Open(tt.url, tt.role)
			if err != nil {
				t.Fatal(err)
			}
			defer rdb.Close()
			o := rdb.(*redis.Client).Options()
			if o.DialTimeout != tt.dial || o.MaxRetries != tt.retries || !o.ContextTimeoutEnabled {
				t.Errorf("got dial timeout %v, %d retries, context timeouts %v", o.DialTimeout, o.MaxRetries, o.ContextTimeoutEnabled)
			}
			if tt.role == Worker && o.PoolSize < leastWorkerPool {
				t.Errorf("a worker has %d connections", o.PoolSize)
			}
		})
	}
}

func TestASmallPoolIsRefusedForAWorker(t *testing.T) {
	if _, err := Open("redis://h?pool_size=8", Worker); err == nil || !strings.Contains(err.Error(), "24 or more") {
		t.Errorf("got %v", err)
	}
	rdb, err := Open("redis://h?pool_size=8", API)
	if err != nil {
		t.Fatalf("an API that waits for nothing: %v", err)
	}
	rdb.Close()
}

// Every option that a URL may set reaches a client of several servers, too.
func TestOptionsReachEveryKind(t *testing.T) {
	options := []string{
		"protocol=2", "client_name=x", "max_retries=7", "min_retry_backoff=7ms", "max_retry_backoff=7s", "dial_timeout=7s", "read_timeout=7s",
		"write_timeout=7s", "pool_fifo=true", "pool_size=7", "pool_timeout=7s", "min_idle_conns=7", "max_idle_conns=7", "max_active_conns=7",
		"max_concurrent_dials=7", "pipeline_pool_size=7", "pipeline_read_buffer_size=7", "pipeline_write_buffer_size=7",
		"conn_max_idle_time=7s", "conn_max_lifetime=7s", "conn_max_lifetime=9s&conn_max_lifetime_jitter=7s",
	}
	for _, option := range options {
		t.Run(option, func(t *testing.T) {
			want, err := redis.ParseURL("redis://h?" + option)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parse("redis+cluster://h?" + option)
			if err != nil {
				t.Fatal(err)
			}
			many := reflect.ValueOf(got.universal()).Elem()
			set := 0
			for f, v := range reflect.ValueOf(want).Elem().Fields() {
				if v.IsZero() || slices.Contains([]string{"Network", "Addr"}, f.Name) {
					continue
				}
				set++
				if of := many.FieldByName(f.Name); !of.IsValid() || !of.Equal(v) {
					t.Errorf("%s is not handed on", f.Name)
				}
			}
			if set == 0 {
				t.Error("the option sets nothing")
			}
		})
	}
}

func TestPlaceHoldsNoSecret(t *testing.T) {
	for url, want := range map[string]string{
		"redis://u:secret@h/1":                     "h:6379",
		"redis+cluster://:secret@a,b:1":            "a:6379, b:1",
		"redis+sentinel://a/m?sentinel_password=x": "master m of the Sentinels a:26379",
		"redis://:sec/ret@h":                       "an unknown place",
	} {
		if got := Place(url); got != want {
			t.Errorf("Place(%q) = %q, want %q", url, got, want)
		}
	}
}

// FuzzParse looks for a URL that is taken although it names no server, or more
// than its scheme allows.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"redis://h", "rediss://u:p@h:1/2?pool_size=3", "redis+cluster://a:1,b:2", "redis+sentinel://u:p@a,b/m/3?sentinel_password=x",
		"redis://[::1]:1", "redis://%zz@h", "redis+cluster://@,@", "redis+sentinel:///m", "redis://a@b@c/#?",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parse(raw)
		if err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(raw, "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		if len(got.addrs) == 0 || got.kind == single && len(got.addrs) != 1 {
			t.Errorf("%q: %d servers", raw, len(got.addrs))
		}
		for _, addr := range got.addrs {
			if host, _, err := net.SplitHostPort(addr); err != nil || host == "" {
				t.Errorf("%q: address %q", raw, addr)
			}
		}
		if (got.kind == sentinel) != (got.master != "") {
			t.Errorf("%q: master %q", raw, got.master)
		}
	})
}
