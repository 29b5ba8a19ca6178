package egress

// The keys of the ledger lie in one slot of a Redis Cluster.
const (
	linesKey = "spillway:{egress}:lines" // stream: lines that are not in an audit log yet
	countKey = "spillway:{egress}:count" // hash: the series, and the number of its last line
)
