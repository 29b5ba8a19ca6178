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

	unplacedScript  = redis.NewScript(unplacedSource)
	ghostScript     = redis.NewScript(ghostSource)
	leaselessScript = redis.NewScript(leaselessSource)
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
	keys := []string{k.task(id), k.pending(), k.active(), k.scheduled(), k.retry(), k.archived(), k.completed()}
	return unplacedScript.Run(ctx, rdb, keys, id, then, time.Now().UnixNano()).Bool()
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
