package queue

// The names of asynq's keys, as of v0.26.0, which has no exported names for
// them. TestKeysAreThoseOfAsynq fails when another version has others.

// publishedKey is the set of the names of all queues that have ever been used.
// Inspectors see no other.
const publishedKey = "asynq:queues"

// queueKeys are the keys of one queue. The braces make Redis Cluster put them
// all into one slot.
type queueKeys string

func keysOf(queue string) queueKeys { return queueKeys("asynq:{" + queue + "}:") }

func (k queueKeys) task(id string) string { return string(k) + "t:" + id } // hash: msg, state, pending_since, …
func (k queueKeys) pending() string       { return string(k) + "pending" } // list of IDs, the next one last
func (k queueKeys) paused() string        { return string(k) + "paused" }  // there while the queue is
func (k queueKeys) active() string        { return string(k) + "active" }  // list of IDs
func (k queueKeys) lease() string         { return string(k) + "lease" }   // zset: ID by the end of its lease
func (k queueKeys) scheduled() string     { return string(k) + "scheduled" }
func (k queueKeys) retry() string         { return string(k) + "retry" }
func (k queueKeys) archived() string      { return string(k) + "archived" }
func (k queueKeys) completed() string     { return string(k) + "completed" }
func (k queueKeys) processed() string     { return string(k) + "processed" } // how many tries there were
func (k queueKeys) failed() string        { return string(k) + "failed" }    // how many of them failed
