// Package redisconn connects to Redis: to a single server, to a Redis Cluster or
// to whichever server Redis Sentinel says is the master, as one URL names. It
// also reports what the rest of Spillway must know about the servers: whether they
// answer at all, how far their clocks are off, and what they promise to keep.
package redisconn

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Role is what a process uses Redis for, which decides how patient it is.
type Role int

// The roles.
const (
	// API answers callers that prefer an error at once while Redis is unreachable.
	API Role = iota
	// Worker has time: what it has to write was paid for.
	Worker
)

// WorkerPool is how many connections a worker may have, unless the URL says otherwise:
// each server of its queues waits for tasks on one of its own, some 15 in all, beside
// those that the jobs use. go-redis' own default is 10 for each processor, so that a
// worker with one would have none left.
const WorkerPool = 64

// leastWorkerPool is the smallest pool with which a worker makes progress.
const leastWorkerPool = 24

// clusterReload is how old a client's picture of a cluster may get. It bounds
// how long a client asks a master that has been replaced.
const clusterReload = 5 * time.Second

// Open returns a client of the Redis that a URL names, tuned for a role, which
// is the caller's to close. It does not connect yet. The URL is one of
//
//	redis://[user:password@]host[:port][/database][?options]
//	unix://[user:password@]/path/to/redis.sock[?db=database&options] (or redis+unix://)
//	redis+cluster://[user:password@]host[:port],host[:port]…[?options]
//	redis+sentinel://[user:password@]host[:port],…/master-name[/database][?options]
//
// with rediss in place of redis for TLS, then with the files in PEM that the options
// tls_ca, tls_cert and tls_key name. Any node of a cluster leads to the
// others. The user and password are those of the servers; those of the
// Sentinels are the options sentinel_username and sentinel_password. The other
// options are those of redis.ParseURL, and win over the role. Errors say what
// is wrong with the URL, and hold no secret of it.
func Open(url string, role Role) (redis.UniversalClient, error) {
	t, err := parse(url)
	if err != nil {
		return nil, err
	}
	if t.tls != (tlsFiles{}) {
		if err := t.tls.apply(t.options.TLSConfig); err != nil {
			return nil, err
		}
	}
	if n := t.options.PoolSize; role == Worker && n > 0 && n < leastWorkerPool {
		return nil, fmt.Errorf("pool_size=%d is too small for a worker: the servers of its queues wait for tasks on connections of their own; leave it out, or set %d or more", n, leastWorkerPool)
	}
	role.tune(t.options)
	switch t.kind {
	case cluster:
		opts := t.universal().Cluster()
		opts.ClusterStateReloadInterval = clusterReload
		return redis.NewClusterClient(opts), nil
	case sentinel:
		return redis.NewFailoverClient(t.universal().Failover()), nil
	default:
		return redis.NewClient(t.options), nil
	}
}

// tune sets what the URL has left open.
func (r Role) tune(o *redis.Options) {
	o.ContextTimeoutEnabled = true
	// Nothing here needs more than RESP2, with which the client need not look for
	// messages of the server's own accord before each reply.
	o.Protocol = cmp.Or(o.Protocol, 2)
	switch r {
	case API:
		o.DialTimeout = cmp.Or(o.DialTimeout, time.Second)
		o.ReadTimeout = cmp.Or(o.ReadTimeout, 2*time.Second)
		o.WriteTimeout = cmp.Or(o.WriteTimeout, 2*time.Second)
		o.PoolTimeout = cmp.Or(o.PoolTimeout, 2*time.Second)
		o.MaxRetries = cmp.Or(o.MaxRetries, 1)
		o.DialerRetries = 1
	case Worker:
		o.DialTimeout = cmp.Or(o.DialTimeout, 3*time.Second)
		o.ReadTimeout = cmp.Or(o.ReadTimeout, 5*time.Second)
		o.WriteTimeout = cmp.Or(o.WriteTimeout, 5*time.Second)
		o.MaxRetries = cmp.Or(o.MaxRetries, 4)
		o.PoolSize = cmp.Or(o.PoolSize, WorkerPool)
		o.DialerRetries = 2
	}
}

// universal returns the options of a client of several servers.
func (t *target) universal() *redis.UniversalOptions {
	o := t.options
	var secure *tls.Config
	if o.TLSConfig != nil {
		secure = o.TLSConfig.Clone()
		secure.ServerName = "" // each server is known by its own name
	}
	return &redis.UniversalOptions{
		Addrs: t.addrs, MasterName: t.master, SentinelUsername: t.sentinelUser, SentinelPassword: t.sentinelPassword,
		Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: secure,
		Protocol: o.Protocol, ClientName: o.ClientName, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
	}
}
