package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/contract"
	"github.com/topcentral/spillway/lab/fuzzapi"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store/redisconn"
	"github.com/topcentral/spillway/worker/webhook"
)

// How the contract is fuzzed; "make fuzz" sets them.
var (
	fuzzSeed     = flag.Uint64("seed", 1, "seed of the contract fuzzer")
	fuzzRound    = flag.Int("round", 0, "first round of the contract fuzzer")
	fuzzRequests = flag.Int("requests", 750, "requests that the contract fuzzer sends")
)

// allOperations is how many requests it takes to be sure that every operation
// has succeeded.
const allOperations = 10_000

func TestContractFuzz(t *testing.T) {
	report, err := fuzzapi.Run(t.Context(), fuzzapi.Config{
		Seed: *fuzzSeed, Round: *fuzzRound, Requests: *fuzzRequests, Stacks: 2, Open: func() (*fuzzapi.Stack, error) { return fuzzed(t) },
	})
	if err != nil {
		t.Fatal(err)
	}
	report.Print(os.Stdout)
	for _, failure := range report.Failures {
		t.Error(failure)
	}
	if *fuzzRequests >= allOperations {
		c, err := servedContract(t)
		if err != nil {
			t.Fatal(err)
		}
		if unproven := report.Unproven(c); len(unproven) > 0 {
			t.Errorf("never succeeded: %v", unproven)
		}
	}
}

func TestContractFuzzWithoutRedis(t *testing.T) {
	report, err := fuzzapi.Run(t.Context(), fuzzapi.Config{Seed: *fuzzSeed, Requests: 250, Stacks: 1, Open: func() (*fuzzapi.Stack, error) {
		server := miniredis.RunT(t)
		s, err := fuzzedOn(t, func(cfg config.Config, log *slog.Logger) (*App, error) {
			cfg.RedisURL = "redis://" + server.Addr()
			return New(t.Context(), cfg, redisconn.API, log)
		})
		if err != nil {
			return nil, err
		}
		callers := s.Callers
		s.Away = true
		s.Callers = func(ctx context.Context, round int) (fuzzapi.Callers, error) {
			made, err := callers(ctx, round)
			if round >= 0 {
				server.SetError("LOADING Redis is loading the dataset in memory")
			}
			return made, err
		}
		return s, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	unavailable := 0
	for _, statuses := range report.Statuses {
		unavailable += statuses[http.StatusServiceUnavailable]
	}
	if unavailable == 0 {
		t.Error("no answer says that Redis is unavailable")
	}
	for _, failure := range report.Failures {
		t.Error(failure)
	}
}

// servedContract reads the contract as the API serves it.
func servedContract(t *testing.T) (*contract.Contract, error) {
	s, err := fuzzed(t)
	if err != nil {
		return nil, err
	}
	s.Close()
	return s.Contract, nil
}

// fuzzBody is the largest body that the fuzzed API takes: small, so that it
// costs little to be beyond it.
const fuzzBody = 16 << 10

// fuzzClear is a submission that the scorecard calls clear.
const fuzzClear = `{"agent":"A02","fast_path":true,"input":{"product":"WMS","client":"new","source":"online_form","competitors":"yes",
	"budget_allocated":"no","purchasing_dept":"no","positive_statement":"neutral","scope":"low","needs_defined":"info_gathering","authority":"low",
	"rfi":"yes","formal_tender":"yes","up_sale":"no","cross_sale":"no","client_attention":"first_deal"}}`

// fuzzed opens the whole API on an embedded Redis, with authentication and
// webhooks.
func fuzzed(t *testing.T) (*fuzzapi.Stack, error) { return fuzzedOn(t, NewEmbedded) }

// fuzzedOn does so on the Redis that opened chooses.
func fuzzedOn(t *testing.T, opened func(config.Config, *slog.Logger) (*App, error)) (*fuzzapi.Stack, error) {
	cfg, err := config.Read()
	if err != nil {
		return nil, err
	}
	cfg.Retention = 90 * 24 * time.Hour // as long as the contract lets a job ask for
	cfg.Auth, cfg.RateLimit, cfg.QueuedQuota, cfg.KeptJobs, cfg.APIMaxBody = config.AuthRequired, access.Rate{}, 0, 0, fuzzBody
	cfg.WebhookSecret, cfg.LogLevel = []webhook.Secret{webhook.NewSecret()}, slog.LevelDebug
	log := new(drained)
	sys, err := opened(cfg, config.NewLog(cfg, log))
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &fuzzapi.Stack{Clear: fuzzClear, Logged: log.take, MaxBody: fuzzBody, Callers: sys.fuzzCallers, Close: func() { stop(); sys.Stop() }}
	over, end := context.WithCancel(life)
	end()
	if s.Handler, err = sys.handler(life); err == nil {
		sys.metrics = prometheus.NewRegistry() // each registry is of one API
		s.Closing, err = sys.handler(over)
	}
	if err == nil {
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, httptest.NewRequestWithContext(life, http.MethodGet, "/openapi.yaml", http.NoBody))
		s.Contract, err = contract.Read(w.Body.Bytes(), "Agent") // which is part of AgentDefinition
	}
	if err != nil {
		s.Close()
	}
	return s, err
}

// fuzzCallers makes the keys of a round, and some tries of webhooks.
func (s *App) fuzzCallers(ctx context.Context, round int) (fuzzapi.Callers, error) {
	keys := access.NewKeys(s.rdb)
	first, second := fmt.Sprintf("fuzz-%d", round), fmt.Sprintf("fuzz-%d-b", round)
	var err error
	key := func(tenant string, scopes ...access.Scope) string {
		text, _, failed := keys.Create(ctx, access.Key{Tenant: tenant, Scopes: scopes, Name: "fuzz"})
		if failed != nil {
			err = failed
		}
		return text
	}
	c := fuzzapi.Callers{
		Full: key(first, access.Operator.Scopes()...), Other: key(second, withoutAdmin()...), Dead: key(first, access.Operator.Scopes()...),
		Poor: []fuzzapi.Limited{
			{Token: key(first, access.AgentsRead), Scopes: []string{string(access.AgentsRead)}},
			{Token: key(first, access.JobsRead, access.WebhooksRead), Scopes: []string{string(access.JobsRead), string(access.WebhooksRead)}},
		},
	}
	if err != nil {
		return c, err
	}
	if _, err := keys.Revoke(ctx, strings.Split(c.Dead, "_")[2], "fuzz"); err != nil {
		return c, err
	}
	c.Tries, err = s.fuzzTries(ctx, first)
	return c, err
}

// fuzzTries puts some tries into a tenant's log of webhooks.
func (s *App) fuzzTries(ctx context.Context, tenant string) ([]string, error) {
	book, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range 3 {
		id := fmt.Sprintf("evt_fuzz_%d", i)
		notice, err := json.Marshal(queue.Notice{ID: id, Tenant: tenant, Type: tasks.EventWebhookTest, At: time.Now()})
		if err != nil {
			return nil, err
		}
		d := &tasks.Delivery{
			WebhookID: id, Type: tasks.EventWebhookTest, Host: "hooks.example.com:443", Try: 1, Outcome: string(webhook.Rejected),
			HTTPStatus: http.StatusTeapot, At: time.Now().UTC(), Notice: notice,
		}
		if _, err := book.Note(ctx, tenant, d); err != nil {
			return nil, err
		}
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// drained is a log that is read piece by piece.
type drained struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *drained) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *drained) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.text.Reset()
	return d.text.String()
}

// withoutAdmin is all that may be done within a tenant: with admin:read others' jobs
// are read, too.
func withoutAdmin() []access.Scope {
	return slices.DeleteFunc(access.Operator.Scopes(), func(s access.Scope) bool { return s == access.AdminRead || s == access.AdminWrite })
}
