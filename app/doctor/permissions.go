package doctor

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// CheckPermissions judges what the user of Redis may do.
func CheckPermissions(ctx context.Context, rdb redis.UniversalClient, cfg config.Config) []Finding {
	f := Finding{Check: "redis permissions"}
	queues := "asynq:"
	if cfg.QueuePrefix != "" {
		queues = string(cfg.QueuePrefix) + ":" + queues
	}
	denied, err := redisconn.Denied(ctx, rdb, queues)
	if _, reads := redisconn.RefusesWrites(err); err != nil && !reads {
		return []Finding{f.warn("cannot be tried: "+err.Error(), "look at the log of Redis")}
	}
	if len(denied) > 0 {
		return []Finding{f.fail("its user lacks "+strings.Join(denied, " "),
			"add them with ACL SETUSER; docs/operations.md has the whole rule to copy")}
	}
	return []Finding{f.ok("its user may use all commands, keys and channels that are needed")}
}
