package endpoints

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

func FuzzRecord(f *testing.F) {
	for _, seed := range []string{`{"id":"ep_1","secrets":[{"box":"AA"}],"events":["job.succeeded"]}`, "null", "[]", `{"secrets":null}`, `{"notice":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, raw string) {
		if r, err := decodeRecord(raw); err == nil {
			_, _ = signing(r.Secrets, time.Unix(0, 0)), r.wants(tasks.EventSucceeded)
		}
		_, _ = decodeTry(redis.XMessage{ID: "1-0", Values: map[string]any{"try": raw}})
	})
}

// The place that an ID leads to is one that Redis takes.
func FuzzDeliveryID(f *testing.F) {
	for _, seed := range []string{"dlv_1_0", "dlv_1-1_0", "dlv__", "dlv_99999999999999999999_0", "+", "dlv_1_0_0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		p := streamID(id)
		if p == "" {
			return
		}
		if deliveryID(p) != id || strings.Trim(p, "0123456789-") != "" || strings.Count(p, "-") != 1 {
			t.Errorf("%q leads to %q", id, p)
		}
	})
}

func FuzzSealed(f *testing.F) {
	s, err := newSealer([]string{"installation"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("AA")
	f.Add(strings.Repeat("A", 64))
	f.Add(s.seal("ep_2", "whsec_x"))
	f.Fuzz(func(t *testing.T, box string) {
		if secret, _, err := s.open("ep_1", box); err == nil {
			t.Errorf("%q opens as %q", box, secret)
		}
	})
}
