package health

import (
	"fmt"

	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// WriteAdvice says what to do about an error of Writable.
func WriteAdvice(err error) string {
	if advice, ok := redisconn.RefusesWrites(err); ok {
		return advice
	}
	return "look at the log of Redis, and at its user's permissions (docs/operations.md)"
}

// MemoryDetail words how much of its memory Redis uses.
func MemoryDetail(use redisconn.MemoryUse) string {
	const mb = 1 << 20
	return fmt.Sprintf("Redis uses %d of %d MB (%.0f %%)", use.Used/mb, use.Limit/mb, 100*use.Share())
}

// MemoryAdvice says what to do when Redis is nearly full.
const MemoryAdvice = "raise maxmemory, keep ended jobs for a shorter time (SPILLWAY_RETENTION), or bound what tenants keep (SPILLWAY_KEPT_BYTES)"
