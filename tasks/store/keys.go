package store

import (
	"hash/crc32"
	"strconv"
)

// Keys that belong to no job.
const (
	workersKey = "spillway:workers" // hash: worker ID → "<seen> <JSON>"; see lua/beat.lua
	learnedKey = "spillway:learned" // hash: "<agent> <lane>" → its last measurements; see lua/learn.lua
	resetsKey  = "spillway:resets"  // hash: provider → a word that changes with each reset of its circuits
	ratesKey   = "spillway:rates"   // hash: "<rate> <candidate>" → its last measurements; see lua/learn.lua
)

// lengthsKey is the hash of how long the answers of one version of an agent are:
// "<variant> <candidate>" → their last measurements; see lua/learn.lua.
func lengthsKey(agent, version string) string { return "spillway:lengths:" + agent + ":" + version }

// experimentKey is the hash of what the jobs of one version of an agent have come
// to: "<variant> <figure>" → number. The braces put it into one slot with the list
// of versions.
func experimentKey(agent, version string) string {
	return "spillway:experiment:{" + agent + "}:" + version
}

// versionsKey lists the versions of an agent that have been tallied (zset, by the
// time of the last count).
func versionsKey(agent string) string { return "spillway:experiment:{" + agent + "}" }

// flight has the keys of all equal jobs of a tenant, by the digest that makes
// them equal; the braces put them into one slot.
type flight string

func flightOf(digest string) flight { return flight("{" + digest + "}") }

func (f flight) cache() string     { return "spillway:cache:" + string(f) }     // string: a result, as JSON of Shared
func (f flight) leader() string    { return "spillway:flight:" + string(f) }    // string: ID of the job that gets the result
func (f flight) followers() string { return "spillway:followers:" + string(f) } // list: IDs of the jobs that wait for it

func (f flight) all() []string { return []string{f.cache(), f.leader(), f.followers()} }

// shard holds the keys that all jobs of one shard share. The braces make Redis
// Cluster put every key of the shard into one slot.
type shard string

func (s shard) outbox() string   { return "spillway:" + string(s) + ":outbox" }
func (s shard) due() string      { return "spillway:" + string(s) + ":due" } // also the channel of the IDs of jobs that were canceled while they ran
func (s shard) counters() string { return "spillway:" + string(s) + ":counters" }
func (s shard) waiting() string  { return "spillway:" + string(s) + ":waiting" }
func (s shard) probe() string    { return "spillway:" + string(s) + ":probe" } // written to see whether Redis takes writes
func (s shard) ended() string    { return "spillway:" + string(s) + ":ended" }

// recounted is there for a while after the counters were compared with the jobs.
func (s shard) recounted() string { return "spillway:" + string(s) + ":recounted" }

// job is the record of a job.
func (s shard) job(id string) string { return "spillway:" + string(s) + ":job:" + id }

// kept has the bytes that are reserved for each tenant's jobs, and sizes those of
// each job; see lua/forget.lua.
func (s shard) kept() string  { return "spillway:" + string(s) + ":kept" }
func (s shard) sizes() string { return "spillway:" + string(s) + ":sizes" }

// index lists a tenant's jobs in the shard by ID.
func (s shard) index(tenant string) string { return "spillway:" + string(s) + ":idx:" + tenant }

// idempotency is the record of a tenant's idempotency key, of which digest is
// the SHA-256 in hex.
func (s shard) idempotency(tenant, digest string) string {
	return "spillway:" + string(s) + ":idem:" + tenant + ":" + digest
}

func shardNumber(n int) shard { return shard("{" + strconv.Itoa(n) + "}") }

// shards lists every shard.
func (s *Store) shards() []shard {
	all := make([]shard, s.cfg.Shards)
	for i := range all {
		all[i] = shardNumber(i)
	}
	return all
}

// jobKeys are the keys of one job.
type jobKeys struct {
	shard
	prefix string
}

// shardOf returns the shard that a name falls into.
func (s *Store) shardOf(name string) shard {
	return shardNumber(int(crc32.ChecksumIEEE([]byte(name)) % uint32(s.cfg.Shards))) //nolint:gosec // a small positive setting
}

// keys returns the keys of a job. Its shard follows from its ID alone.
func (s *Store) keys(id string) jobKeys {
	sh := s.shardOf(id)
	return jobKeys{sh, sh.job(id)}
}

func (k jobKeys) job() string    { return k.prefix }
func (k jobKeys) events() string { return k.prefix + ":events" }
func (k jobKeys) input() string  { return k.prefix + ":input" }
func (k jobKeys) result() string { return k.prefix + ":result" }

// mask is the sealed map of masked values; no script touches it.
func (k jobKeys) mask() string { return k.prefix + ":mask" }

// all lists the keys in the order that the scripts' prelude gives.
func (k jobKeys) all() []string {
	return []string{k.job(), k.events(), k.input(), k.result(), k.outbox(), k.due(), k.counters(), k.waiting(), k.ended()}
}
