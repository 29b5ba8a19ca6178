package api

import (
	"net/http"
	"testing"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

func TestTenantsShareTheSlots(t *testing.T) {
	for _, c := range []struct {
		name  string
		slots int
		who   []string // come in turn, and stay
		want  []tasks.Code
	}{
		{"one alone has half", 4, []string{"a", "a", "a"}, []tasks.Code{"", "", tasks.CodeQuota}},
		{"or the larger part", 3, []string{"a", "a", "a"}, []tasks.Code{"", "", tasks.CodeQuota}},
		{"or the only one", 1, []string{"a", "a", "b"}, []tasks.Code{"", tasks.CodeUnavailable, tasks.CodeUnavailable}},
		{"what two leave", 6, []string{"a", "a", "a", "b", "b", "b", "c", "c"}, []tasks.Code{"", "", "", "", "", tasks.CodeQuota, "", tasks.CodeUnavailable}},
	} {
		s := newSlots(c.slots)
		for i, tenant := range c.who {
			if _, err := s.acquire(tenant, false); tasks.CodeOf(err) != c.want[i] {
				t.Errorf("%s: %d, tenant %s: got %v, want %q", c.name, i, tenant, err, c.want[i])
			}
		}
	}
}

func TestSlotsAreGivenBack(t *testing.T) {
	s := newSlots(2)
	for range 3 {
		first, err := s.acquire("a", true)
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.acquire("a", true)
		if err != nil {
			t.Fatalf("a tenant that is alone: %v", err)
		}
		first()
		second()
	}
	if s.free != 2 || len(s.taken) != 0 {
		t.Errorf("%d are free, and %v taken", s.free, s.taken)
	}
}

func TestATenantCannotTakeEveryStream(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard, MaxStreams: 2}, m.deps())
	stream := func(tenant string) (key, target string) {
		job, _, err := m.Submit(t.Context(), tenant, &tasks.Submission{Agent: "A02"})
		if err != nil {
			t.Fatal(err)
		}
		return ring.bearer(t, tenant, access.JobsRead, access.JobsWrite), "/jobs/" + job.ID + "/events"
	}
	greedy, target := stream("greedy")
	open, stop := follow(t, h, target, "Authorization", greedy)
	defer stop()
	<-open.status

	refused := do(t, h, "GET", target, "", "Authorization", greedy)
	if p := decode[httpx.Problem](t, refused); p.Status != http.StatusTooManyRequests || p.Code != tasks.CodeQuota || refused.Header().Get("Retry-After") != "5" {
		t.Errorf("a second stream: got %d %v %+v", refused.Code, refused.Header(), p)
	}
	waited := do(t, h, "POST", "/jobs", submission, "Authorization", greedy, "Prefer", "wait=60")
	if waited.Code != http.StatusAccepted || waited.Header().Get("Preference-Applied") != "" {
		t.Errorf("a wait: got %d %v", waited.Code, waited.Header())
	}
	key, target := stream("modest")
	other, stop := follow(t, h, target, "Authorization", key)
	defer stop()
	if got := <-other.status; got != http.StatusOK {
		t.Errorf("another tenant: got %d", got)
	}
}
