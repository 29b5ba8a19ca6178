package queue

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Turn says whose turn a ticket waits for.
type Turn struct {
	Tenant string
	Weight float64 // a tenant of weight 2 has two turns for each of one of weight 1; not above 0 counts as 1
}

// cost is the virtual time that one turn takes.
func (t Turn) cost() float64 {
	if t.Weight > 0 {
		return 1 / t.Weight
	}
	return 1
}

// The keys of tickets that wait for their tenant's turn, beside asynq's of the same queue.
func (k queueKeys) turns() string  { return string(k) + "turns" }
func (k queueKeys) past() string   { return string(k) + "turns:past" }
func (k queueKeys) parked() string { return string(k) + "parked" }
func (k queueKeys) line(tenant string) string {
	return string(k) + "parked:" + tenant
}

var (
	//go:embed lua/park.lua
	parkSource string
	//go:embed lua/turn.lua
	turnSource string
	//go:embed lua/ahead.lua
	aheadSource string

	parkScript  = redis.NewScript(parkSource)
	turnScript  = redis.NewScript(turnSource)
	aheadScript = redis.NewScript(aheadSource)
)

// parkedTicket is a ticket as it is parked.
type parkedTicket struct {
	Ticket

	Complexity tasks.Complexity  `json:"complexity"`
	Priority   tasks.Priority    `json:"priority,omitempty"`
	Round      int               `json:"round"`
	Headers    map[string]string `json:"headers,omitempty"`
}

func (p parkedTicket) ticket() Ticket {
	t := p.Ticket
	t.Complexity, t.Priority, t.Round, t.Headers = p.Complexity, p.Priority, p.Round, p.Headers
	return t
}

// park returns the call that parks a ticket until it is its tenant's turn.
func park(t Ticket, turn Turn) (call, error) {
	body, err := json.Marshal(parkedTicket{t, t.Complexity, t.Priority, t.Round, t.Headers})
	if err != nil {
		return call{}, fmt.Errorf("encode ticket: %w", err)
	}
	k := keysOf(t.queue())
	return call{parkScript.Hash(), []string{k.turns(), k.past(), k.parked(), k.line(turn.Tenant)}, []any{
		turn.Tenant, t.taskID(false), strconv.FormatFloat(turn.cost(), 'g', -1, 64) + " " + string(body),
	}}, nil
}

// takeTurns issues up to n of the tickets that are parked for a queue, those whose turn it
// is, and returns how many. If the process dies between the two steps, the jobs have no
// ticket until a watchdog looks at them.
func (c *Client) takeTurns(ctx context.Context, queue string, n int) (int, error) {
	k := keysOf(queue)
	parked, err := turnScript.Run(ctx, c.rdb, []string{k.turns(), k.past(), k.parked()}, k.line(""), n).StringSlice()
	if err != nil || len(parked) == 0 {
		return 0, err
	}
	due := make([]Due, 0, len(parked))
	for _, text := range parked {
		p, err := decode[parkedTicket]([]byte(text))
		if err != nil {
			continue // from a version we do not know; a watchdog issues another
		}
		due = append(due, Due{Ticket: p.ticket()})
	}
	return len(due), c.enqueueAll(ctx, due, nil) // for the caller to take
}

// aheadWithin is how far in a tenant's line, and at how many tenants, is looked for a
// ticket's place.
const aheadWithin = 1000

// Ahead estimates how many tickets of a queue are taken before one that waits for its
// tenant's turn. ok is false if it does not wait for one, is far back in its tenant's line,
// or no other tenant waits.
func (c *Client) Ahead(ctx context.Context, t Ticket, tenant string) (n int, ok bool, err error) {
	k := keysOf(t.queue())
	n, err = aheadScript.Run(ctx, c.rdb, []string{k.turns(), k.parked(), k.line(tenant), k.pending()},
		tenant, t.taskID(false), k.line(""), aheadWithin).Int()
	if err != nil {
		return 0, false, unavailable(err)
	}
	return n, n >= 0, nil
}
