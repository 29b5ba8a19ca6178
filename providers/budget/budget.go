// Package budget keeps what calls cost within what may be spent, by day and by
// month, of a provider, a tenant or an agent.
//
// The most that a call can cost is reserved before it is made, and what it has
// cost is booked in its place when it has ended. One script looks at all budgets
// that a call falls under and reserves on all, so that no number of workers
// spends more together. A call whose usage the server did not report, since it was
// cut off or canceled or by its nature, is booked as estimated: it may have been
// billed. A reservation whose worker died lapses a while after the longest call
// would have ended; the cost of its prompt is then booked, as an estimate, until the
// worker settles the call after all.
//
// The accounts are kept for every provider, tenant and agent, also for those
// without a budget. The usage of calls that cost nothing is batched for a moment
// before it is written there.
package budget

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/tasks"
)

var (
	//go:embed lua/lib.lua
	libSource string
	//go:embed lua/reserve.lua
	reserveSource string
	//go:embed lua/settle.lua
	settleSource string
	//go:embed lua/count.lua
	countSource string

	reserveScript = redis.NewScript(libSource + reserveSource)
	settleScript  = redis.NewScript(libSource + settleSource)
	countScript   = redis.NewScript(countSource)
)

// Config says what may be spent.
type Config struct {
	Budgets Settings
	Zone    *time.Location // in which days and months begin; nil: UTC
	// Paid reports whether calls of a provider cost money. One without a tariff
	// is then allowed, counted and logged. nil: none does.
	Paid func(provider string) bool
	// Patience is how long Redis may take to answer before a call; 0: 1 s. After
	// it Redis gets ten times as long, since what is not booked stays reserved.
	Patience time.Duration
	// Longest is how long a call may take; 0: 5 minutes. A reservation lapses a
	// minute after that.
	Longest time.Duration
}

// Guard is a providers.Guard that enforces budgets. A candidate without a tariff
// costs nothing and is allowed; any other that falls under a budget is refused while
// Redis is unavailable. It must be closed.
type Guard struct {
	rdb    redis.UniversalClient
	cfg    Config
	log    *slog.Logger
	warned sync.Map // candidates whose price is not known, by name
	free   free
}

// New returns a guard that keeps its accounts in rdb.
func New(rdb redis.UniversalClient, cfg Config, log *slog.Logger) *Guard {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	cfg.Patience = cmp.Or(cfg.Patience, time.Second)
	cfg.Longest = cmp.Or(cfg.Longest, 5*time.Minute)
	return &Guard{rdb: rdb, cfg: cfg, log: log}
}

const (
	// retryUnavailable is when to try again while Redis is unavailable.
	retryUnavailable = 5 * time.Second
	// retryReserved is when to try again while the rest of a budget is reserved by
	// calls that may cost less.
	retryReserved = 10 * time.Second
	// lapseSpare is by how much a reservation outlasts the longest call.
	lapseSpare = time.Minute
)

// Enter reserves the most that the call can cost.
func (g *Guard) Enter(ctx context.Context, c *providers.Call) (leave func(*providers.Attempt), err error) {
	b := g.booking(c, time.Now().In(g.cfg.Zone))
	tariff := c.Candidate.Tariff
	switch {
	case tariff == nil:
		b.unpriced = g.cfg.Paid != nil && g.cfg.Paid(c.Candidate.Provider.Name())
		g.warn(ctx, b, c.Candidate)
	case b.limited:
		b.amount = tariff.Most(c.Input, c.Output, b.at)
		b.lapsed = min(tariff.Cost(providers.Usage{Input: c.Input}, b.at), b.amount)
		if err := b.reserve(ctx); err != nil {
			return nil, err
		}
	}
	return func(a *providers.Attempt) { b.settle(context.WithoutCancel(ctx), 10*g.cfg.Patience, a) }, nil
}

// warn logs once that the price of a candidate is not known.
func (g *Guard) warn(ctx context.Context, b *booking, c providers.Candidate) {
	if !b.unpriced {
		return
	}
	if _, logged := g.warned.LoadOrStore(c.String(), true); !logged {
		g.log.WarnContext(ctx, "the price of a model is not known, and its calls count toward no budget", "candidate", c.String())
	}
}

// booking is one call's entry in the accounts.
type booking struct {
	*Guard
	at       time.Time
	accounts []account
	limits   []any  // of each account as the script takes it; "" for none
	limited  bool   // one of them has a limit
	id       string // unique

	unpriced bool
	amount   tasks.Money // reserved
	lapsed   tasks.Money // booked if the reservation lapses: the cost of the prompt
	left     *tasks.Money
}

func (g *Guard) booking(c *providers.Call, at time.Time) *booking {
	b := &booking{Guard: g, at: at, accounts: accountsOf(c), id: rand.Text()}
	for _, a := range b.accounts {
		limit, ok := g.cfg.Budgets.limit(a)
		if ok {
			b.limits, b.limited = append(b.limits, int64(limit)), true
		} else {
			b.limits = append(b.limits, "")
		}
	}
	return b
}

// reserve holds the amount on every account, or returns the refusal.
func (b *booking) reserve(ctx context.Context) error {
	verdict, states, err := b.run(ctx, b.cfg.Patience, reserveScript, append(append([]any{int64(b.amount)}, b.limits...), b.hold(), (b.cfg.Longest+lapseSpare).Milliseconds(), lapsedKept.Milliseconds(), b.id)...)
	switch {
	case ctx.Err() != nil:
		b.settle(context.WithoutCancel(ctx), b.cfg.Patience, &providers.Attempt{}) // it may be reserved all the same
		return providers.Canceled(ctx)
	case err != nil:
		b.settle(ctx, b.cfg.Patience, &providers.Attempt{})
		b.log.WarnContext(ctx, "a call was not made: its budget could not be read", "error", err)
		return &providers.Refusal{
			Reason: tasks.OutcomeBudgetSpent, Message: "the budget could not be read, since Redis is unavailable", RetryAfter: retryUnavailable, Condition: providers.Busy,
		}
	case verdict != "ok":
		return b.refusal(states)
	}
	b.left = b.tightest(states)
	return nil
}

// state is the state of an account.
type state struct{ spent, reserved tasks.Money }

// refusal names the budget that refuses the call for the longest, and until when.
func (b *booking) refusal(states []state) *providers.Refusal {
	r := &providers.Refusal{Reason: tasks.OutcomeBudgetSpent, Message: "a budget is spent", RetryAfter: retryReserved, Condition: providers.Busy}
	longest := time.Duration(0)
	for i, a := range b.accounts {
		limit, ok := b.cfg.Budgets.limit(a)
		if !ok || states[i].spent+states[i].reserved+b.amount <= limit {
			continue
		}
		wait, held, condition := a.period.Ends(b.at).Sub(b.at), "", providers.Lasting
		if states[i].spent+b.amount <= limit {
			wait, held, condition = retryReserved, ", since calls in flight have reserved the rest", providers.Busy
		}
		if wait > longest {
			longest, r.RetryAfter, r.Condition = wait, wait, condition
			r.Message = fmt.Sprintf("the call may cost $%s, and of the budget of %s, $%s a %s, $%s is left%s",
				b.amount, a.owner(), limit, a.period, max(0, limit-states[i].spent-states[i].reserved), held)
		}
	}
	return r
}

// tightest returns what is left of the budget that has least left; nil if there
// is none.
func (b *booking) tightest(states []state) *tasks.Money {
	var least *tasks.Money
	for i, a := range b.accounts {
		limit, ok := b.cfg.Budgets.limit(a)
		if left := limit - states[i].spent - states[i].reserved; ok && (least == nil || left < *least) {
			least = &left
		}
	}
	return least
}

// settle books what the call has cost, and sets what is left of its budgets.
func (b *booking) settle(ctx context.Context, patience time.Duration, a *providers.Attempt) {
	a.BudgetLeft = b.left
	used := a.Usage.Input+a.Usage.Output > 0
	if b.amount == 0 && !used {
		return // nothing to book
	}
	if b.amount == 0 && a.Cost == 0 {
		b.count(b, a.Usage)
		return
	}
	_, states, err := b.run(ctx, patience, settleScript, int64(a.Cost), flag(used), a.Usage.Input, a.Usage.Output, flag(used && b.unpriced), int64(estimated(a)), b.hold())
	if err != nil {
		b.log.WarnContext(ctx, "the cost of a call was not booked; an estimate is when its reservation lapses", "candidate", a.Candidate, "cost", a.Cost.String(), "lapses_after_ms", (b.cfg.Longest + lapseSpare).Milliseconds(), "error", err)
		return
	}
	if b.amount > 0 {
		a.BudgetLeft = b.tightest(states)
	}
}

// estimated is the part of a call's cost that the server did not report.
func estimated(a *providers.Attempt) tasks.Money {
	if !a.Estimated {
		return 0
	}
	return a.Cost
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run calls a script, and returns its verdict and the state of each account.
func (b *booking) run(ctx context.Context, patience time.Duration, script *redis.Script, more ...any) (verdict string, states []state, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []any{dayKept.Milliseconds(), monthKept.Milliseconds(), callKept.Milliseconds()}
	for _, a := range b.accounts[:3] {
		args = append(args, a.owner())
	}
	keys := []string{dayKey(b.at), monthKey(b.at), callKey(b.id), holdsKey}
	reply, err := script.Run(ctx, b.rdb, keys, append(args, more...)...).StringSlice()
	if err != nil {
		return "", nil, err
	}
	if len(reply) != 1+2*len(b.accounts) {
		return "", nil, fmt.Errorf("a budget script returned %d values", len(reply))
	}
	for i := 1; i < len(reply); i += 2 {
		states = append(states, state{amount(reply[i]), amount(reply[i+1])})
	}
	return reply[0], states, nil
}

// amount reads a field of an account; only the scripts write them.
func amount(s string) tasks.Money {
	n, _ := strconv.ParseInt(s, 10, 64)
	return tasks.Money(n)
}
