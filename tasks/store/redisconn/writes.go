package redisconn

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// refusals are the error replies of a Redis that answers and takes no writes, and
// what to do about each.
var refusals = []struct{ prefix, advice string }{
	{"MISCONF", "its last snapshot or write to disk failed: look at its log, free space on its disk, and run BGSAVE"},
	{"READONLY", "it is a replica: correct SPILLWAY_REDIS_URL, or make it the master again"},
	{"OOM", "its memory is full: raise maxmemory, or keep ended jobs for a shorter time (SPILLWAY_RETENTION)"},
	{"NOREPLICAS", "too few replicas are connected (min-replicas-to-write): bring them back"},
}

// RefusesWrites reports whether err is the reply of a Redis that answers and takes
// no writes, and what to do about that.
func RefusesWrites(err error) (advice string, yes bool) {
	reply, ok := errors.AsType[redis.Error](err)
	if !ok {
		return "", false
	}
	text := strings.TrimPrefix(reply.Error(), "-")
	for _, r := range refusals {
		if strings.HasPrefix(text, r.prefix+" ") || strings.Contains(text, "-"+r.prefix+" ") {
			return r.advice, true
		}
	}
	return "", false
}
