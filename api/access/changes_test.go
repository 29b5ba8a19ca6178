package access

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
)

func TestChangesOfKeysAreToldOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, _ := newKeys(rdb)
		_, first := create(t, keys, func(k *Key) { k.CreatedBy = "ann" })
		_, second, err := keys.Rotate(t.Context(), first.ID, time.Hour, "bob")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if _, err := keys.Revoke(t.Context(), first.ID, "eve"); err != nil {
				t.Fatal(err)
			}
		}
		var got []Change
		for range 2 {
			if err := keys.recordChanges(t.Context(), func(c Change) error {
				got = append(got, c)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		want := []Change{
			{Action: "keys.create", Key: first.ID, By: "ann"}, {Action: "keys.rotate", Key: first.ID, By: "bob"},
			{Action: "keys.create", Key: second.ID, By: "bob"}, {Action: "keys.revoke", Key: first.ID, By: "eve"},
		}
		if len(got) != len(want) {
			t.Fatalf("got %+v", got)
		}
		for i, c := range got {
			if c.At.IsZero() || c.Tenant != "acme" || c.Action != want[i].Action || c.Key != want[i].Key || c.By != want[i].By {
				t.Errorf("got %+v, want %+v", c, want[i])
			}
		}
	})
}

func TestAChangeThatWasNotKeptStays(t *testing.T) {
	rdb := redistest.Embedded(t)
	keys, _ := newKeys(rdb)
	create(t, keys, nil)
	full := errors.New("full")
	if err := keys.recordChanges(t.Context(), func(Change) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	pending, err := rdb.XPending(t.Context(), changesKey, changesGroup).Result()
	if err != nil || pending.Count != 1 {
		t.Errorf("got %+v, %v", pending, err)
	}
}

func TestAChangeThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	rdb := redistest.Embedded(t)
	keys, _ := newKeys(rdb)
	if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: changesKey, Values: []any{"action", "keys.create", "at", "noon"}}).Err(); err != nil {
		t.Fatal(err)
	}
	_, made := create(t, keys, nil)
	var got []Change
	if err := keys.recordChanges(t.Context(), func(c Change) error { got = append(got, c); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0].At.IsZero() || got[1].Key != made.ID {
		t.Errorf("got %+v", got)
	}
}

func TestChangesAreFollowedUntilTheEnd(t *testing.T) {
	keys, _ := newKeys(redistest.Embedded(t))
	ctx, stop := context.WithCancel(t.Context())
	told, ended := make(chan Change, 1), make(chan struct{})
	go func() {
		defer close(ended)
		keys.Changes(ctx, slog.New(slog.DiscardHandler), func(c Change) error { told <- c; return nil })
	}()
	_, made := create(t, keys, nil)
	if c := <-told; c.Key != made.ID {
		t.Errorf("got %+v", c)
	}
	stop()
	<-ended
}
