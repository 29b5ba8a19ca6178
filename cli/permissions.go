package cli

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// permissionFindings judges what the user of Redis may do.
func permissionFindings(ctx context.Context, rdb redis.UniversalClient, cfg config) []finding {
	f := finding{check: "redis permissions"}
	queues := "asynq:"
	if cfg.QueuePrefix != "" {
		queues = string(cfg.QueuePrefix) + ":" + queues
	}
	denied, err := redisconn.Denied(ctx, rdb, queues)
	if _, reads := redisconn.RefusesWrites(err); err != nil && !reads {
		return []finding{f.warn("cannot be tried: "+err.Error(), "look at the log of Redis")}
	}
	if len(denied) > 0 {
		return []finding{f.fail("its user lacks "+strings.Join(denied, " "),
			"add them with ACL SETUSER; docs/operations.md has the whole rule to copy")}
	}
	return []finding{f.ok("its user may use all commands, keys and channels that are needed")}
}
