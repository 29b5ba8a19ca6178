package history

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

func TestMeasuresOfAGoodHistory(t *testing.T) {
	m := Measure(good())
	if m.Asked != 1 || m.Acknowledged != 1 || m.States[tasks.Succeeded] != 1 || m.Unclaimed != 0 {
		t.Errorf("jobs: %+v", m)
	}
	if !maps.Equal(m.Again, map[string]int{"lease_expired": 1}) || m.Attempts[2] != 1 {
		t.Errorf("back to the queue: %v, attempts %v", m.Again, m.Attempts)
	}
	if m.Calls != 2 || m.Paid != 1 || m.PaidTwice != 0 {
		t.Errorf("calls %d, paid %d, twice %d", m.Calls, m.Paid, m.PaidTwice)
	}
	if m.Ends != 1 || m.Missing+m.Underway != 0 || m.Webhooks != 2 || m.Repeated != 0 || m.Untaken != 1 {
		t.Errorf("webhooks: %+v", m)
	}
	if len(m.Late) != 1 || m.Late[0] != time.Second {
		t.Errorf("late: got %v, want 1 s", m.Late)
	}
	if len(m.HookDelay) != 1 || m.HookDelay[0] != 6*time.Second {
		t.Errorf("told of the end: got %v, want 6 s", m.HookDelay)
	}
	if m.Unanswered != 1 || len(m.Unavailable) != 1 {
		t.Errorf("answers: %d missing, 503 %v", m.Unanswered, m.Unavailable)
	}
}

func TestPaidTwice(t *testing.T) {
	h := good()
	h.Jobs[theMark].Calls[0].Left = false
	if m := Measure(h); m.PaidTwice != 1 || len(m.PaidTwiceFor) != 0 {
		t.Errorf("its worker was killed: got %d, %v unaccounted for", m.PaidTwice, m.PaidTwiceFor)
	}
	h.Disturbances = nil
	if m := Measure(h); m.PaidTwice != 1 || len(m.PaidTwiceFor) != 1 {
		t.Errorf("nothing had happened: got %d, %v unaccounted for", m.PaidTwice, m.PaidTwiceFor)
	}
}

func TestRecovery(t *testing.T) {
	cases := []struct {
		name   string
		faults []Disturbance
		want   func(m *Measures) Durations
	}{
		{"killed", []Disturbance{{Kill, Worker, "local-1", 77, at(4), at(5)}},
			func(m *Measures) Durations { return m.Recovery }},
		{"frozen", []Disturbance{{Freeze, Worker, "local-1", 77, at(4), at(12)}},
			func(m *Measures) Durations { return m.Thawed }},
		{"killed while Redis was away", []Disturbance{{Kill, Worker, "local-1", 77, at(4), at(5)}, {Kill, Redis, "redis", 1, at(6), at(7)}},
			func(m *Measures) Durations { return m.RecoveryDisturbed }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := good()
			h.Disturbances = c.faults
			m := Measure(h)
			got := c.want(m)
			if len(got) != 1 || got[0] != 9*time.Second {
				t.Errorf("got %v, want 9 s", got)
			}
			if n := len(m.Recovery) + len(m.RecoveryDisturbed) + len(m.Thawed); n != 1 {
				t.Errorf("%d recoveries were counted, want 1", n)
			}
		})
	}
	t.Run("killed while the other worker was cut off", func(t *testing.T) {
		h := good()
		h.Disturbances = append(h.Disturbances, Disturbance{Cut, Worker, "local-2", 78, at(5), at(6)})
		if m := Measure(h); len(m.Recovery) != 0 || len(m.RecoveryDisturbed) != 1 {
			t.Errorf("got %v and %v", m.Recovery, m.RecoveryDisturbed)
		}
	})
	t.Run("another process was killed", func(t *testing.T) {
		h := good()
		h.Disturbances[0].PID = 78
		if m := Measure(h); len(m.Recovery) != 0 {
			t.Errorf("got %v", m.Recovery)
		}
	})
}

func TestAbort(t *testing.T) {
	h := good()
	h.Disturbances = nil
	j := h.Jobs[theMark]
	j.Stored[0].Events[5].Type = tasks.EventCanceled
	j.Calls[1].Left, j.Calls[1].End = true, at(15.1)
	if m := Measure(h); len(m.Abort) != 1 || m.Abort[0] != 100*time.Millisecond {
		t.Errorf("got %v, want 100 ms", m.Abort)
	}
	h.Disturbances = []Disturbance{{Slow, Worker, "local-2", 78, at(15), at(16)}}
	if m := Measure(h); len(m.Abort) != 0 || len(m.AbortDisturbed) != 1 {
		t.Errorf("by a slow worker: got %v and %v", m.Abort, m.AbortDisturbed)
	}
}

func TestQuantile(t *testing.T) {
	var d Durations
	for i := 100; i > 0; i-- {
		d = append(d, time.Duration(i))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := d.Quantile(share); got != want {
			t.Errorf("quantile %v: got %d, want %d", share, got, want)
		}
	}
	if got := (Durations)(nil).Quantile(0.5); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}

func TestPrintTellsTheWholeStory(t *testing.T) {
	h := good()
	var out strings.Builder
	Print(&out, h, h.Jobs[theMark])
	for _, want := range []string{
		"client: post", "connection reset", "client: read", "client: event 6", "model: call 2", "webhook: evt_",
		"log: 3 job.queued, attempt 1 {\"reason\":\"lease_expired\"}", "KILL local-1 (process 77)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	Measure(good()).Print(&out)
	for _, want := range []string{"acknowledged", "succeeded: 1", "lease_expired: 1", "1 times: p50 9s", "kill worker: 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
