package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

func TestBodyMemoryIsSharedByTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newBodyMemory(400)
		var releases []func()
		reserve := func(tenant string, n int64, want tasks.Code, wait time.Duration) {
			t.Helper()
			start := time.Now()
			release, err := m.reserve(t.Context(), tenant, n, time.Second)
			if tasks.CodeOf(err) != want || time.Since(start) != wait {
				t.Errorf("%s, %d: got %v after %v, want %q after %v", tenant, n, err, time.Since(start), want, wait)
			}
			if err == nil {
				releases = append(releases, release)
			}
		}
		reserve("a", 60, "", 0)
		reserve("a", 60, tasks.CodeQuota, time.Second)
		reserve("a", 40, "", 0)
		for _, tenant := range []string{"b", "c", "d"} {
			reserve(tenant, 1000, "", 0) // as much as a tenant may have
		}
		reserve("e", 1, tasks.CodeUnavailable, time.Second)
		first := releases[0]
		go func() {
			time.Sleep(500 * time.Millisecond)
			first()
			first() // more than once does no harm
		}()
		reserve("e", 10, "", 500*time.Millisecond)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.reserve(gone, "b", 1, time.Second); tasks.CodeOf(err) == tasks.CodeQuota {
			t.Errorf("a caller that has gone: got %v", err)
		}
		for _, release := range releases {
			release()
		}
		if len(m.tenants) != 0 || !m.all.TryAcquire(400) {
			t.Errorf("not everything was released: %v", m.tenants)
		}
	})
}

// signalingBody signals when it is read, and waits.
type signalingBody struct {
	io.Reader
	began  chan<- struct{}
	goOn   <-chan struct{}
	signal sync.Once
}

func (b *signalingBody) Read(p []byte) (int, error) {
	b.signal.Do(func() {
		b.began <- struct{}{}
		<-b.goOn
	})
	return b.Reader.Read(p)
}

// Large batches of one tenant are read one after another, and another tenant's
// submission is not held up by them.
func TestLargeBatchesOfATenantDoNotRefuseOthers(t *testing.T) {
	ring, m := newKeyring(t, access.Config{}), newMemory()
	h := newAPI(t, Config{Guard: ring.guard, MaxBody: 64 << 10}, m.deps())
	greedy, modest := ring.bearer(t, "greedy", access.JobsWrite), ring.bearer(t, "modest", access.JobsWrite)
	item := `{"agent":"A02","input":{"x":"` + strings.Repeat("x", 60<<10) + `"}}`
	batch := `{"jobs":[` + strings.Repeat(item+",", 15) + item + `]}`
	const n = 8
	began, goOn, answers := make(chan struct{}, n), make(chan struct{}), make(chan *httptest.ResponseRecorder, n)
	for range n {
		go func() {
			r := newRequest(t, "POST", "/jobs/batch", "", "application/json")
			r.Header.Set("Authorization", greedy)
			r.Body = io.NopCloser(&signalingBody{Reader: strings.NewReader(batch), began: began, goOn: goOn})
			r.ContentLength = int64(len(batch))
			answers <- serve(h, r)
		}()
	}
	<-began
	w := do(t, h, "POST", "/jobs", submission, "Authorization", modest)
	if w.Code != http.StatusAccepted {
		t.Errorf("another tenant: got %d %s", w.Code, w.Body)
	}
	if len(began) > 0 {
		t.Error("two large batches of one tenant are read at once")
	}
	close(goOn)
	for range n {
		if w := <-answers; w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"accepted":16`) {
			t.Errorf("a batch: got %d %.300s", w.Code, w.Body)
		}
	}
}
