package queue

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"
)

// The scripts, each documented in its file.
var (
	//go:embed lua/unplaced.lua
	unplacedSource string
	//go:embed lua/ghost.lua
	ghostSource string
	//go:embed lua/leaseless.lua
	leaselessSource string
	//go:embed lua/census.lua
	censusSource string

	unplacedScript  = redis.NewScript(unplacedSource)
	ghostScript     = redis.NewScript(ghostSource)
	leaselessScript = redis.NewScript(leaselessSource)
)

const (
	// asynqLease is how far ahead asynq sets a lease, each time it renews it: every
	// five seconds.
	asynqLease = 30 * time.Second
	// deadAfter is how long a lease has not been renewed when its server counts as
	// gone. asynq itself waits for a minute and more.
	deadAfter = 12 * time.Second
)

// What becomes of a task that was lost.
const (
	drop    = "drop"    // it is deleted: a ticket is only a chance, and the watchdogs issue another
	requeue = "requeue" // it is put back: nothing else remembers that a webhook is to be sent
	free    = "free"    // it is deleted, so that its ID can be issued again
)

// remedy is what a lost task of a queue needs.
func remedy(queue string) string {
	if queue == Webhooks {
		return requeue
	}
	return drop
}

func unplaced(ctx context.Context, rdb redis.UniversalClient, queue, id, then string) (done bool, err error) {
	k := keysOf(queue)
	keys := []string{k.task(id), k.pending(), k.active(), k.scheduled(), k.retry(), k.archived(), k.completed(), k.lease()}
	now := time.Now()
	return unplacedScript.Run(ctx, rdb, keys, id, then, now.UnixNano(), now.Add(asynqLease-deadAfter).Unix()).Bool()
}

func ghost(ctx context.Context, rdb redis.UniversalClient, queue, id string) (done bool, err error) {
	k := keysOf(queue)
	n, err := ghostScript.Run(ctx, rdb, []string{k.task(id), k.pending(), k.active(), k.scheduled(), k.retry(), k.lease()}, id).Int()
	return n > 0, err
}

func leaseless(ctx context.Context, rdb redis.UniversalClient, queue, id string) (done bool, err error) {
	k := keysOf(queue)
	return leaselessScript.Run(ctx, rdb, []string{k.task(id), k.pending(), k.active(), k.lease()}, id, remedy(queue), time.Now().UnixNano()).Bool()
}
