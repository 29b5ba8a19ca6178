package doctor

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers/egress"
)

// stuckLines is how many lines of the egress ledger may wait before it is worth a
// warning: a process that keeps an audit log writes them within seconds.
const stuckLines = 1000

// examineEgress judges whether what leaves for clouds is recorded.
func examineEgress(ctx context.Context, rdb redis.UniversalClient, cfg config.Config) Finding {
	f := Finding{Check: "egress ledger"}
	if !cfg.EgressLedger {
		return f.warn("off: nothing proves what leaves for clouds", "unset SPILLWAY_EGRESS_LEDGER")
	}
	waiting, err := egress.NewLedger(rdb).Pending(ctx)
	switch {
	case err != nil:
		return f.warn("unknown: "+err.Error(), "look at the log of Redis")
	case waiting > stuckLines:
		return f.warn(fmt.Sprintf("%d requests to clouds are recorded in Redis and in no audit log; the oldest are dropped beyond 50,000", waiting),
			"set SPILLWAY_AUDIT_FILE where the API is served, or look at the log of that process")
	case cfg.AuditFile == "":
		return f.ok("requests to clouds are recorded; they are in the audit log of the processes that serve the API with SPILLWAY_AUDIT_FILE")
	}
	return f.ok("requests to clouds are recorded in the audit log")
}
