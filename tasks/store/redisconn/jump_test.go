package redisconn

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAJumpOfTheClockIsNoticed(t *testing.T) {
	for _, by := range []time.Duration{0, time.Second, -time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var offset atomic.Int64
			w := &ClockWatch{log: slog.New(slog.DiscardHandler), time: func(context.Context) (time.Time, error) { return time.Now().Add(time.Duration(offset.Load())), nil }}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- w.Run(ctx) }()
			time.Sleep(25 * time.Second) // of the bubble
			if _, _, ok := w.Jump(); ok {
				t.Error("a jump before there was one")
			}
			offset.Store(int64(by))
			time.Sleep(10 * time.Second)
			got, _, ok := w.Jump()
			if want := by.Abs() >= jumpLeast; ok != want || ok && got != by {
				t.Errorf("after a jump by %v: got %v, %t", by, got, ok)
			}
			time.Sleep(11 * time.Minute)
			if _, _, ok := w.Jump(); ok {
				t.Errorf("a jump by %v is shown for ever", by)
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
