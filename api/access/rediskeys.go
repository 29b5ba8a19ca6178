package access

// The keys of API keys share a hash tag, so that a key and its place in the list
// change together, also on a Redis Cluster.
const indexKey = "spillway:{keys}:index" // zset: key ID by the time it was made, in Unix ms

// recordKey is a hash: the record of an API key.
func recordKey(id string) string { return "spillway:{keys}:key:" + id }

// changesKey is a stream: changes of keys, for audit logs.
const changesKey = "spillway:{keys}:changes"

// sessionKey is a string: whose session it is, as JSON. It is named by the
// SHA-256 of its cookie, in hex. It expires with the session.
func sessionKey(digest string) string { return "spillway:session:" + digest }

// rateKey is a string: the time in µs up to which a caller has used its rate.
// These are spread over a cluster.
func rateKey(caller string) string { return "spillway:rate:" + caller }
