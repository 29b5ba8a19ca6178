//go:build !race

package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/footprint"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers/mockllm"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// The names of what is counted.
const (
	postCommands  = "Redis commands per POST, those in scripts included"
	postReads     = "round trips to Redis per POST"
	postBytes     = "bytes to and from Redis per POST"
	postAllocs    = "allocations per POST"
	getCommands   = "Redis commands per GET"
	getAllocs     = "allocations per GET"
	sameAllocs    = "allocations per GET that is answered 304"
	queuedBytes   = "bytes in Redis per queued job, input and idempotency key included"
	endedBytes    = "bytes in Redis per ended job, input, result and idempotency key included"
	runCommands   = "Redis commands from claim to end of a job"
	runBytes      = "bytes to and from Redis from claim to end of a job"
	idleCommands  = "Redis commands a second of an idle worker, those in scripts included"
	idleReads     = "round trips to Redis a second of an idle worker"
	budgetJobs    = 200
	budgetWarming = 20
)

// budgets are what a job may cost, in counts that do not depend on the machine. most is what was
// counted when it was last changed, and a little more; aim is where it should get to.
// Whoever makes something cheaper lowers most to what the test logs then, in the same
// commit. Whoever must raise it says in the commit why.
var budgets = []struct {
	name      string
	most, aim float64
}{
	{postCommands, 28, 15},
	{postReads, 3.2, 1},
	{postBytes, 3_000, 3_000},
	{postAllocs, 550, 150},
	{getCommands, 5.1, 2},
	{getAllocs, 275, 50},
	{sameAllocs, 190, 40},
	{queuedBytes, 3_700, 2_500},
	{endedBytes, 6_300, 4_500},
	{runCommands, 90, 40},
	{runBytes, 8_600, 5_000},
	{idleCommands, 18, 20},
	{idleReads, 9, 10},
}

// TestBudgets counts what jobs cost on a real Redis, from POST to end.
func TestBudgets(t *testing.T) {
	server := redistest.Start(t)
	b := openBudget(t, server.Addr)
	got := map[string]float64{}
	paths := b.posts(got)
	b.gets(got, paths)
	b.runs(got)
	for _, x := range budgets {
		switch n := got[x.name]; {
		case n > x.most:
			t.Errorf("%s: %.1f, and the budget is %g (aim: %g). Something has made it dearer. If that is meant, raise the budget in app/budget_test.go and say why in the commit",
				x.name, n, x.most, x.aim)
		case n < 0.9*x.most:
			t.Logf("%s: %.1f, well below the budget of %g (aim: %g): lower it in app/budget_test.go", x.name, n, x.most, x.aim)
		default:
			t.Logf("%s: %.1f of %g (aim: %g)", x.name, n, x.most, x.aim)
		}
	}
}

// budgeted is a whole installation without a worker, and its counts.
type budgeted struct {
	t       *testing.T
	sys     *App
	life    context.Context
	handler http.Handler
	key     string
	empty   footprint.Keys
	made    int
}

func openBudget(t *testing.T, redisAddr string) *budgeted {
	cfg := settings(t, "redis://"+redisAddr)
	models := httptest.NewServer(mockllm.New(mockllm.Config{Seed: 1}))
	t.Cleanup(models.Close)
	cfg.OllamaURL, cfg.LocalSlots = models.URL+mockllm.Path(mockllm.Ollama), 4
	cfg.Auth, cfg.RateLimit = config.AuthRequired, access.Rate{}
	sys, err := New(t.Context(), cfg, redisconn.Worker, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sys.Stop)
	b := &budgeted{t: t, sys: sys}
	var end context.CancelFunc
	b.life, end = context.WithCancel(t.Context())
	t.Cleanup(end)
	if b.handler, err = sys.handler(b.life); err != nil {
		t.Fatal(err)
	}
	sys.metrics = prometheus.NewRegistry() // each registry is of one part
	if b.key, _, err = access.NewKeys(sys.rdb).Create(t.Context(), access.Key{Tenant: "acme", Scopes: access.Submitter.Scopes(), Name: "budget"}); err != nil {
		t.Fatal(err)
	}
	if b.empty, err = footprint.Measure(t.Context(), sys.rdb, "*"); err != nil {
		t.Fatal(err)
	}
	return b
}

// ask makes a request, and returns what the answer says of where the job is, and its tag.
func (b *budgeted) ask(method, path, etag, body string, want int) (location, tag string) {
	r := httptest.NewRequestWithContext(b.t.Context(), method, "http://127.0.0.1"+path, bytes.NewReader([]byte(body)))
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("Authorization", "Bearer "+b.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", fmt.Sprintf("%q", fmt.Sprint("budget-", b.made)))
		b.made++
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != want {
		b.t.Fatalf("%s %s: got %d %s, want %d", method, path, w.Code, w.Body, want)
	}
	return w.Header().Get("Location"), w.Header().Get("ETag")
}

// counted has something done n times, and returns what Redis did and how much was
// allocated each time. Making the request is part of it, always the same.
func (b *budgeted) counted(n int, each func()) (footprint.Traffic, float64) {
	before, err := footprint.ReadTraffic(b.t.Context(), b.sys.rdb)
	if err != nil {
		b.t.Fatal(err)
	}
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	for range n {
		each()
	}
	runtime.ReadMemStats(&is)
	after, err := footprint.ReadTraffic(b.t.Context(), b.sys.rdb)
	if err != nil {
		b.t.Fatal(err)
	}
	return after.Since(before), float64(is.Mallocs-was.Mallocs) / float64(n)
}

func (b *budgeted) post() string {
	location, _ := b.ask(http.MethodPost, "/jobs", "", fmt.Sprintf(`{"agent":"A02","input":{"product":"PCR-ABS","opportunity":"Budget %d","authority":"high","budget_allocated":"yes"}}`, b.made), http.StatusAccepted)
	return location
}

// posts counts submissions, and what a queued job takes.
func (b *budgeted) posts(got map[string]float64) (paths []string) {
	for range budgetWarming {
		b.post()
	}
	did, allocs := b.counted(budgetJobs, func() { paths = append(paths, b.post()) })
	got[postCommands], got[postAllocs] = float64(did.Commands)/budgetJobs, allocs
	got[postReads], got[postBytes] = float64(did.Reads)/budgetJobs, float64(did.Received+did.Sent)/budgetJobs
	got[queuedBytes] = b.bytesPerJob()
	return paths
}

// bytesPerJob returns what was added to Redis for each job.
func (b *budgeted) bytesPerJob() float64 {
	all, err := footprint.Measure(b.t.Context(), b.sys.rdb, "*")
	if err != nil {
		b.t.Fatal(err)
	}
	for kind, k := range all.Kinds {
		b.t.Logf("%s: %d keys, %.0f bytes per job", kind, k.Count-b.empty.Kinds[kind].Count, float64(k.Bytes-b.empty.Kinds[kind].Bytes)/float64(b.made))
	}
	return float64(all.Bytes-b.empty.Bytes) / float64(b.made)
}

// gets counts looks at jobs.
func (b *budgeted) gets(got map[string]float64, paths []string) {
	i := 0
	did, allocs := b.counted(len(paths), func() { b.ask(http.MethodGet, paths[i], "", "", http.StatusOK); i++ })
	got[getCommands], got[getAllocs] = float64(did.Commands)/float64(len(paths)), allocs
	b.ask(http.MethodPost, paths[0]+"/cancel", "", "", http.StatusOK) // the place of one that waits is part of its tag
	_, etag := b.ask(http.MethodGet, paths[0], "", "", http.StatusOK)
	_, got[sameAllocs] = b.counted(budgetJobs, func() { b.ask(http.MethodGet, paths[0], etag, "", http.StatusNotModified) })
}

// runs counts what a worker does until all jobs have ended, and then while nothing
// comes. Its polls while it works are not part of a job's costs.
func (b *budgeted) runs(got map[string]float64) {
	work, err := b.sys.work([]tasks.Lane{tasks.Local})
	if err != nil {
		b.t.Fatal(err)
	}
	life, end := context.WithCancel(b.life)
	var worker sync.WaitGroup
	defer worker.Wait()
	defer end()
	began := time.Now()
	var took time.Duration
	all, _ := b.counted(1, func() {
		worker.Go(func() {
			if err := work(life, func() {}); err != nil {
				b.t.Errorf("worker: %v", err)
			}
		})
		b.ended(b.made - 1) // one was canceled
		took = time.Since(began)
	})
	got[endedBytes] = b.bytesPerJob()
	// How much is done in a time can only be seen by letting it pass. The machine's
	// speed has little to do with it: a slow one polls more rarely. What is done once in
	// half a minute may fall into one of two such times, and counts in neither.
	const watched = 2 * tasks.HeartbeatEvery
	idle, _ := b.counted(1, func() { <-time.After(watched) })
	if again, _ := b.counted(1, func() { <-time.After(watched) }); again.Commands < idle.Commands {
		idle = again
	}
	perSecond := func(n int64) float64 { return float64(n) / watched.Seconds() }
	got[idleCommands], got[idleReads] = perSecond(idle.Commands), perSecond(idle.Reads)
	perJob := func(all, idle int64) float64 {
		return max(0, float64(all)-took.Seconds()*perSecond(idle)) / float64(b.made)
	}
	got[runCommands] = perJob(all.Commands, idle.Commands)
	got[runBytes] = perJob(all.Received+all.Sent, idle.Received+idle.Sent)
}

// ended waits until so many jobs have succeeded.
func (b *budgeted) ended(n int) {
	late := time.After(time.Minute)
	for {
		totals, err := b.sys.Store.Totals(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if totals.Entered[tasks.Succeeded] >= int64(n) {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("%d of %d jobs have succeeded", totals.Entered[tasks.Succeeded], n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
