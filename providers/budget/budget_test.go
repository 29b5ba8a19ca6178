package budget_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is a zone in which it is noon, in the middle of a month, so that no period
// ends during a test.
var noon = time.FixedZone("noon", int(time.Until(time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)).Seconds()))

// flat is a tariff of a millionth of a dollar per token, of the prompt and of the answer.
type flat struct{}

const token tasks.Money = 1e6

func (flat) Cost(u providers.Usage, _ time.Time) tasks.Money {
	return token * tasks.Money(u.Input+u.Output)
}

func (flat) Most(input, output int, _ time.Time) tasks.Money {
	return token * tasks.Money(input+output)
}

// call is a call that costs 100 tokens at most.
func call(tenant, agent string) *providers.Call {
	return &providers.Call{
		Candidate: providers.Candidate{Provider: providertest.NewFake("deepseek"), Model: "flash", Tariff: flat{}},
		Owner:     providers.Owner{Tenant: tenant, Agent: agent}, Input: 60, Output: 40,
	}
}

func free() *providers.Call {
	c := call("acme", "A03")
	c.Candidate.Provider, c.Candidate.Tariff = providertest.NewFake("ollama"), nil
	return c
}

func guard(t *testing.T, rdb redis.UniversalClient, budgets string) *budget.Guard {
	t.Helper()
	g := budget.New(rdb, budget.Config{Budgets: settings(t, budgets), Zone: noon, Patience: time.Minute}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { shut(t, g) })
	return g
}

func shut(t *testing.T, g *budget.Guard) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// done is how a call ends that used so many tokens.
func done(input, output int) *providers.Attempt {
	u := providers.Usage{Input: input, Output: output}
	return &providers.Attempt{Called: true, Outcome: tasks.OutcomeSucceeded, Usage: u, Cost: flat{}.Cost(u, time.Time{})}
}

func mustEnter(t *testing.T, g *budget.Guard, c *providers.Call) (leave func(*providers.Attempt)) {
	t.Helper()
	leave, err := g.Enter(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func refusal(t *testing.T, g *budget.Guard, c *providers.Call) *providers.Refusal {
	t.Helper()
	_, err := g.Enter(t.Context(), c)
	r, ok := errors.AsType[*providers.Refusal](err)
	if !ok || r.Reason != tasks.OutcomeBudgetSpent || r.RetryAfter <= 0 {
		t.Fatalf("got %v, want a refusal", err)
	}
	return r
}

func standing(t *testing.T, rdb redis.UniversalClient, budgets string) []budget.Standing {
	t.Helper()
	r, err := budget.Read(t.Context(), rdb, settings(t, budgets), time.Now().In(noon))
	if err != nil {
		t.Fatal(err)
	}
	return r.Budgets
}

// TestNoOvershoot lets 200 jobs spend what is left of budgets, and looks whether
// any of them is ever overspent.
func TestNoOvershoot(t *testing.T) {
	for _, c := range []struct {
		name, budgets string
		calls         int64 // that the tightest budget allows, each of 100 tokens
	}{
		{"spent", "tenant:acme=0/day", 0},
		{"nearly spent", "tenant:acme=0.000199/day", 1},
		{"some left", "tenant:acme=0.001/day,provider:deepseek=0.0007/month,agent:A03=5/day", 7},
		{"more than Lua's numbers can tell apart", "tenant:*=0.0003/month,agent:*=9000000/month", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
				rdb = redistest.Patient(t, rdb)
				var made, spent atomic.Int64
				var all sync.WaitGroup
				for range 200 {
					g := guard(t, rdb, c.budgets)
					all.Go(func() {
						leave, err := g.Enter(t.Context(), call("acme", "A03"))
						if err != nil {
							return
						}
						a := done(60, 40)
						made.Add(1)
						spent.Add(int64(a.Cost))
						leave(a)
					})
				}
				all.Wait()
				if made.Load() != c.calls {
					t.Errorf("%d calls were made, want %d", made.Load(), c.calls)
				}
				for _, s := range standing(t, rdb, c.budgets) {
					if s.Name != budget.Each && (int64(s.Spent) != spent.Load() || s.Reserved != 0 || s.Left < 0) {
						t.Errorf("%v: spent %s, reserved %s, left %s", s.Budget, s.Spent, s.Reserved, s.Left)
					}
				}
			})
		})
	}
}

func TestWhatACallDoesNotUseIsGivenBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		const budgets = "tenant:acme=0.00015/day"
		g := guard(t, rdb, budgets)
		leave := mustEnter(t, g, call("acme", "A03"))
		if r := refusal(t, g, call("acme", "A03")); !strings.Contains(r.Message, "calls in flight have reserved the rest") || r.RetryAfter > time.Minute || r.Condition != providers.Busy {
			t.Errorf("%v, after %v", r, r.RetryAfter)
		}
		a := done(30, 20)
		leave(a)
		if a.BudgetLeft == nil || *a.BudgetLeft != 100*token {
			t.Errorf("%v is left, want 100 tokens' worth", a.BudgetLeft)
		}
		leave(done(30, 20)) // the network delivers it once more
		mustEnter(t, g, call("acme", "A03"))(done(60, 40))
		if r := refusal(t, g, call("acme", "A03")); !strings.Contains(r.Message, "tenant:acme") || !strings.Contains(r.Message, "$0 is left") {
			t.Errorf("%v", r)
		}
		if s := standing(t, rdb, budgets)[0]; s.Spent != 150*token || s.Left != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHowACallEndsDecidesWhatIsBooked(t *testing.T) {
	failed := func(class providers.Class) *providers.Attempt {
		return &providers.Attempt{Called: true, Outcome: string(class)}
	}
	billed := done(50, 0)
	billed.Outcome = string(providers.ClassServer)
	canceled := done(30, 10)
	canceled.Outcome, canceled.Estimated = string(providers.ClassCanceled), true
	for _, c := range []struct {
		name             string
		told             *providers.Attempt
		spent, estimated tasks.Money
	}{
		{"succeeded", done(60, 10), 70 * token, 0},
		{"failed and was billed", billed, 50 * token, 0},
		{"turned away", failed(providers.ClassRateLimited), 0, 0},
		{"not made", &providers.Attempt{Outcome: tasks.OutcomeLimitReached}, 0, 0},
		{"not waited for", canceled, 40 * token, 40 * token},
		{"used more than was thought", done(150, 0), 150 * token, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rdb := redistest.Embedded(t)
			const budgets = "provider:deepseek=1/month"
			mustEnter(t, guard(t, rdb, budgets), call("acme", "A03"))(c.told)
			if s := standing(t, rdb, budgets)[0]; s.Spent != c.spent || s.Estimated != c.estimated || s.Reserved != 0 || s.Left != tasks.Dollar-c.spent {
				t.Errorf("%+v", s)
			}
		})
	}
}

// The reservation of a dead worker lapses: its prompt, which may have been billed,
// is booked as an estimate, once.
func TestAReservationOfADeadWorkerLapses(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		const budgets = "agent:A03=0.00025/day"
		g := guard(t, rdb, budgets)
		mustEnter(t, g, call("acme", "A03")) // and never leaves
		mustEnter(t, g, call("acme", "A03"))(done(10, 0))
		if s := standing(t, rdb, budgets)[0]; s.Reserved != 100*token || s.Spent != 10*token {
			t.Fatalf("before: %+v", s)
		}
		lapse(t, rdb)
		if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent != 70*token || s.Estimated != 60*token {
			t.Errorf("lapsed, and not booked yet: %+v", s)
		}
		for range 2 {
			mustEnter(t, g, call("acme", "A03"))(done(0, 0))
		}
		if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent != 70*token || s.Estimated != 60*token {
			t.Errorf("after: %+v", s)
		}
	})
}

// A worker that was only suspended settles its call after the reservation has
// lapsed: what it has cost is booked once, and no estimate is left.
func TestACallThatOutlivesItsReservationIsBookedOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		const budgets = "agent:A03=1/day"
		g := guard(t, rdb, budgets)
		leave := mustEnter(t, g, call("acme", "A03"))
		lapse(t, rdb)
		mustEnter(t, g, call("acme", "A03"))(done(10, 0))
		for range 2 {
			leave(done(60, 20))
		}
		if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent != 90*token || s.Estimated != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// lapse lets the only reservation lapse.
func lapse(t *testing.T, rdb *redis.Client) {
	t.Helper()
	holds, err := rdb.ZRange(t.Context(), holdsKey, 0, -1).Result()
	if err != nil || len(holds) != 1 {
		t.Fatalf("got %d reservations, %v, want one", len(holds), err)
	}
	rdb.ZAdd(t.Context(), holdsKey, redis.Z{Score: 1, Member: holds[0]})
}

const holdsKey = "spillway:{budgets}:holds"

func TestAReservationOutlastsTheLongestCall(t *testing.T) {
	rdb := redistest.Embedded(t)
	cfg := budget.Config{Budgets: settings(t, "tenant:acme=1/day"), Zone: noon, Longest: 30 * time.Minute}
	g := budget.New(rdb, cfg, slog.New(slog.DiscardHandler))
	before := time.Now()
	mustEnter(t, g, call("acme", "A03"))
	all := rdb.ZRangeWithScores(t.Context(), holdsKey, 0, -1).Val()
	if len(all) != 1 || time.UnixMilli(int64(all[0].Score)).Before(before.Add(30*time.Minute)) {
		t.Errorf("%v lapses before a call of 30 minutes ends", all)
	}
}

// An older version kept what is reserved in a counter, which nobody decrements any
// more; and its reservations are booked in full when they lapse.
func TestReservationsOfAnOlderVersion(t *testing.T) {
	rdb := redistest.Embedded(t)
	const budgets = "tenant:acme=0.00035/day"
	today := "spillway:{budgets}:day:" + time.Now().In(noon).Format(time.DateOnly)
	month := "spillway:{budgets}:month:" + time.Now().In(noon).Format("2006-01")
	rdb.HSet(t.Context(), today, "held tenant:acme", int64(300*token))
	rdb.ZAdd(t.Context(), holdsKey, redis.Z{Score: 1, Member: strings.Join([]string{
		"OLD", "200000000", today, month, "provider:deepseek", "tenant:acme", "agent:A03",
	}, "\n")})
	g := guard(t, rdb, budgets)
	mustEnter(t, g, call("acme", "A03"))(done(60, 20))
	if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent != 280*token || s.Estimated != 200*token {
		t.Errorf("%+v", s)
	}
}

// Whatever command of a script fails: calls go on, nothing stays reserved for longer
// than a reservation lasts, and no cost is booked twice.
func TestAScriptThatFailsInItsMiddle(t *testing.T) {
	const budgets = "tenant:acme=1/day"
	for _, script := range []string{"reserve", "settle"} {
		for n, fired := 1, "?"; fired != ""; n++ {
			m := miniredis.RunT(t)
			fault := redistest.NewFault(m)
			rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
			g := guard(t, rdb, budgets)
			mustEnter(t, g, call("acme", "A03")) // of a worker that dies
			lapse(t, rdb)
			if script == "reserve" {
				fault.At(n)
			}
			leave, err := g.Enter(t.Context(), call("acme", "A03"))
			if script == "settle" {
				fault.At(n)
			}
			if err == nil {
				leave(done(60, 20))
			}
			fired = fault.Fired()
			fault.At(0)
			for _, hold := range rdb.ZRange(t.Context(), holdsKey, 0, -1).Val() {
				rdb.ZAdd(t.Context(), holdsKey, redis.Z{Score: 1, Member: hold})
			}
			mustEnter(t, g, call("acme", "A03"))(done(1, 0))
			if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent > (60+80+60+1)*token {
				t.Errorf("%s failed at its command %d, %s: %+v", script, n, fired, s)
			}
			rdb.Close()
		}
	}
}

func TestEachHasItsOwn(t *testing.T) {
	g := guard(t, redistest.Embedded(t), "tenant:*=0.0001/day,tenant:vip=0.0002/day")
	mustEnter(t, g, call("a", "A03"))
	mustEnter(t, g, call("b", "A03"))
	refusal(t, g, call("a", "A03"))
	mustEnter(t, g, call("vip", "A03"))
	mustEnter(t, g, call("vip", "A03"))
	refusal(t, g, call("vip", "A03"))
}

func TestTheNextPeriodBeginsAnewInTheZoneOfTheBudgets(t *testing.T) {
	zone := time.FixedZone("Beijing", 8*60*60)
	at := time.Date(2026, 12, 31, 20, 0, 0, 0, zone)
	if got, want := budget.Day.Ends(at), time.Date(2027, 1, 1, 0, 0, 0, 0, zone); !got.Equal(want) {
		t.Errorf("the day ends %v", got)
	}
	if got, want := budget.Month.Ends(at.AddDate(0, 0, -11)), time.Date(2027, 1, 1, 0, 0, 0, 0, zone); !got.Equal(want) {
		t.Errorf("the month ends %v", got)
	}
	r := refusal(t, guard(t, redistest.Embedded(t), "tenant:acme=0.00001/day"), call("acme", "A03"))
	if r.RetryAfter < 11*time.Hour || r.RetryAfter > 13*time.Hour || r.Condition != providers.Lasting {
		t.Errorf("asks at noon to come back after %v", r.RetryAfter)
	}
}

func TestWithoutRedisNothingThatCostsPasses(t *testing.T) {
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	defer rdb.Close()
	m.SetError("LOADING")
	g := guard(t, rdb, "tenant:acme=1/day")
	refusal(t, g, call("acme", "A03"))
	mustEnter(t, g, free())(done(1, 1))
	mustEnter(t, g, call("another", "A03"))(done(1, 1)) // no budget applies
}

func TestWhatHasNoPricePassesAndIsCounted(t *testing.T) {
	rdb := redistest.Embedded(t)
	var log strings.Builder
	cfg := budget.Config{Budgets: settings(t, "tenant:acme=0/day"), Zone: noon, Patience: time.Minute, Paid: func(p string) bool { return p == "deepseek" }}
	g := budget.New(rdb, cfg, slog.New(slog.NewTextHandler(&log, nil)))
	unknown := call("acme", "A03")
	unknown.Candidate.Tariff = nil
	for _, c := range []*providers.Call{unknown, unknown, free()} {
		a := done(5, 2)
		a.Cost = 0
		mustEnter(t, g, c)(a)
		if a.BudgetLeft != nil {
			t.Errorf("%s is left of a budget that does not apply", *a.BudgetLeft)
		}
	}
	shut(t, g)
	r, err := budget.Read(t.Context(), rdb, budget.Settings{}, time.Now().In(noon))
	if err != nil {
		t.Fatal(err)
	}
	want := []budget.Spending{
		{Provider: "deepseek", Period: budget.Day, Calls: 2, Unpriced: 2, Input: 10, Output: 4},
		{Provider: "deepseek", Period: budget.Month, Calls: 2, Unpriced: 2, Input: 10, Output: 4},
		{Provider: "ollama", Period: budget.Day, Calls: 1, Input: 5, Output: 2},
		{Provider: "ollama", Period: budget.Month, Calls: 1, Input: 5, Output: 2},
	}
	if len(r.Providers) != len(want) {
		t.Fatalf("got %+v", r.Providers)
	}
	for i, got := range r.Providers {
		if got != want[i] {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
	if n := strings.Count(log.String(), "deepseek/flash"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, &log)
	}
}

func TestMoneyIsCountedWithoutBudgets(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		mustEnter(t, guard(t, rdb, ""), call("acme", "A03"))(done(60, 40))
		r, err := budget.Read(t.Context(), rdb, budget.Settings{}, time.Now().In(noon))
		if err != nil || len(r.Providers) != 2 || r.Providers[0].Spent != 100*token || r.Providers[0].Input != 60 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestACanceledCallReservesNothing(t *testing.T) {
	rdb := redistest.Embedded(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const budgets = "tenant:acme=1/day"
	if _, err := guard(t, rdb, budgets).Enter(ctx, call("acme", "A03")); providers.ClassOf(err) != providers.ClassCanceled {
		t.Errorf("got %v", err)
	}
	if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 {
		t.Errorf("%+v", s)
	}
}

// Through the router: neither canceled calls nor answers without usage keep a
// budget from those who come later, and both count.
func TestCanceledAndUnmeteredCallsAreBooked(t *testing.T) {
	rdb := redistest.Embedded(t)
	const budgets = "provider:deepseek=0.1/day"
	g := guard(t, rdb, budgets)
	router := providers.NewRouter(slog.New(slog.DiscardHandler), g)
	fake := providertest.NewFake("deepseek", "m")
	run := func(ctx context.Context) {
		_, _ = router.Run(ctx, &providers.Route{
			Candidates: []providers.Candidate{{Provider: fake, Model: "m", Tariff: flat{}}},
			Owner:      providers.Owner{Tenant: "acme", Agent: "A03"},
			Request:    providers.Request{Messages: []providers.Message{{Role: providers.User, Content: strings.Repeat("word ", 200)}}, OutputLimit: 100},
		})
	}
	fake.Does(func(ctx context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		onDelta(providers.Delta{Text: strings.Repeat("abcd", 40)})
		return &providers.Response{Text: `{"a":1}`}, nil // no usage
	})
	for range 100 {
		run(t.Context())
	}
	canceled, cancel := context.WithCancel(t.Context())
	fake.Does(func(ctx context.Context, _ *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		cancel()
		<-ctx.Done()
		return nil, providers.Canceled(ctx)
	})
	run(canceled)
	const prompt, text = 250 * token, 40 * token // a quarter of a token for each letter
	if s := standing(t, rdb, budgets)[0]; s.Reserved != 0 || s.Spent != s.Estimated || s.Spent != 101*prompt+100*text {
		t.Errorf("got %+v, want $%s spent, all of it estimated", s, 101*prompt+100*text)
	}
}

// With many calls in flight their reservations are most of what a reservation reads.
func TestAReservationReadsTheOthersOnce(t *testing.T) {
	rdb := redistest.Real(t)
	g := guard(t, rdb, "provider:deepseek=1/day")
	if err := rdb.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	leave := mustEnter(t, g, call("acme", "A03"))
	stats, err := rdb.Info(t.Context(), "commandstats").Result()
	if err != nil || !strings.Contains(stats, "cmdstat_zrange:calls=1,") {
		t.Errorf("it does not read them once: %v\n%s", err, stats)
	}
	leave(done(1, 1))
}
