package access

import (
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

//go:embed lua/rate.lua
var rateSource string

var rateScript = redis.NewScript(rateSource)

// usage is the state of a caller's rate after a request.
type usage struct {
	allowed bool
	granted int           // of the requests that were asked for
	left    int           // more requests that may come at once
	next    time.Duration // until one more may come; 0 if one may now
	full    time.Duration // until the whole burst may come again
}

// takeFromRate counts requests of a caller in Redis, for all processes together.
func takeFromRate(ctx context.Context, rdb redis.Scripter, caller string, r Rate, requests int) (usage, error) {
	reply, err := rateScript.Run(ctx, rdb, []string{rateKey(caller)}, r.each().Microseconds(), r.Burst, requests).Int64Slice()
	if refusesWrites(err) {
		return usage{allowed: true, granted: requests, left: r.Burst}, nil // nothing can be counted, but reads go on
	}
	if err != nil {
		return usage{}, fmt.Errorf("count a request: %w", unavailable(err))
	}
	if len(reply) != 3 {
		return usage{}, fmt.Errorf("count a request: the script returned %d values", len(reply))
	}
	micros := func(i int) time.Duration { return time.Duration(reply[i]) * time.Microsecond }
	if reply[0] == 0 {
		return usage{next: micros(1), full: micros(2)}, nil
	}
	return usage{allowed: true, granted: int(reply[0]), left: int(reply[1]), full: micros(2)}, nil
}

// refusesWrites reports whether err is the reply of a Redis that accepts reads but no
// writes.
func refusesWrites(err error) bool {
	reply, ok := errors.AsType[redis.Error](err)
	return ok && slices.ContainsFunc([]string{"MISCONF ", "READONLY ", "OOM ", "NOREPLICAS "}, func(prefix string) bool {
		return strings.HasPrefix(reply.Error(), prefix) || strings.Contains(reply.Error(), "-"+prefix)
	})
}

// setHeaders sets the headers for a rate and its state
// (draft-ietf-httpapi-ratelimit-headers).
func (u usage) setHeaders(h http.Header, r Rate) {
	h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, r.Requests, seconds(r.Per)))
	h.Set("RateLimit", `"default";r=`+strconv.Itoa(u.left)+";t="+strconv.Itoa(seconds(max(u.full, u.next))))
}

// seconds rounds up, so that waiting that long is enough.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// tooMany refuses a request over the rate.
func tooMany(r Rate, next time.Duration) error {
	return tasks.Errorf(tasks.CodeRateLimited, "The limit of %s requests is used up; try again after the seconds in Retry-After.", r).WithRetryAfter(next)
}
