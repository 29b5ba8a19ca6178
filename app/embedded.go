package app

import (
	"context"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// expire lets the embedded Redis forget what has expired, once a second, until
// stop: it has no clock of its own, and its ClockTTL looks through all keys at
// every command.
func expire(server *miniredis.Miniredis) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				server.FastForward(time.Second)
			}
		}
	})
	return func() error {
		cancel()
		loop.Wait()
		return nil
	}
}
