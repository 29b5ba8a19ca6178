package queue

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// parkTickets parks tickets of one tenant.
func parkTickets(t testing.TB, c *Client, tenant string, weight float64, ids ...string) {
	t.Helper()
	var due []Due
	for _, id := range ids {
		due = append(due, Due{Ticket: highTicket(id), Turn: &Turn{tenant, weight}})
	}
	if err := c.EnqueueAll(context.Background(), due...); err != nil {
		t.Fatalf("park: %v", err)
	}
}

// pendingIDs takes what is pending, in the order in which a server would.
func pendingIDs(t testing.TB, rdb *redis.Client) []string {
	t.Helper()
	var ids []string
	for {
		id, err := rdb.RPop(context.Background(), keysOf("local.high").pending()).Result()
		if err != nil {
			return ids
		}
		ids = append(ids, id)
	}
}

func ids(tenant string, from, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%04d", tenant, from+i))
	}
	return all
}

// One tenant with very many tickets does not delay others, whenever theirs come.
func TestALightTenantHasTheNextTurn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		parkTickets(t, c, "heavy", 1, ids("heavy", 0, 1000)...)
		if _, err := c.takeTurns(t.Context(), "local.high", 400); err != nil {
			t.Fatal(err)
		}
		pendingIDs(t, rdb)
		for i := range 99 {
			parkTickets(t, c, fmt.Sprint("light", i), 1, fmt.Sprint("light", i))
		}
		if n, ok, err := c.Ahead(t.Context(), highTicket("light98"), "light98"); err != nil || !ok || n > 100 {
			t.Errorf("ahead of the last: got %d, %t, %v, want about 100", n, ok, err)
		}
		if _, err := c.takeTurns(t.Context(), "local.high", 101); err != nil {
			t.Fatal(err)
		}
		light := 0
		for _, id := range pendingIDs(t, rdb) {
			if id[:5] == "light" {
				light++
			}
		}
		if light != 99 {
			t.Errorf("%d of 99 light tenants had a turn in one round", light)
		}
	})
}

// Turns follow the weights while all tenants wait, each ticket is taken once, however often
// it is parked, and nothing is left behind.
func TestTurnsFollowWeights(t *testing.T) {
	rdb := redistest.Embedded(t)
	c := NewClient(rdb)
	rapid.Check(t, func(t *rapid.T) {
		rdb.FlushAll(context.Background())
		k := keysOf("local.high")
		weights := map[string]float64{}
		for i := range rapid.IntRange(2, 5).Draw(t, "tenants") {
			weights[fmt.Sprint("t", i)] = float64(rapid.IntRange(1, 4).Draw(t, "weight"))
		}
		const each = 60
		parked, taken := map[string]bool{}, map[string]int{}
		for tenant, weight := range weights {
			for _, id := range ids(tenant, 0, each) {
				if err := c.EnqueueAll(context.Background(),
					Due{Ticket: highTicket(id), Turn: &Turn{tenant, weight}},
					Due{Ticket: highTicket(id), Turn: &Turn{tenant, weight}}); err != nil { // a watchdog repeats it
					t.Fatal(err)
				}
				parked[id] = true
			}
		}
		turns := map[string]float64{}
		for len(taken) < len(parked) {
			n := rapid.IntRange(1, 7).Draw(t, "n")
			got, err := turnScript.Run(context.Background(), rdb, []string{k.turns(), k.past(), k.parked()}, k.line(""), n).StringSlice()
			if err != nil || len(got) == 0 {
				t.Fatalf("%d of %d taken: %v", len(taken), len(parked), err)
			}
			backlogged := len(taken)+n < each // nobody's line is empty yet
			for _, text := range got {
				p, err := decode[parkedTicket]([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				id := p.ticket().JobID
				if taken[id]++; taken[id] > 1 || !parked[id] {
					t.Fatalf("%s was taken %d times", id, taken[id])
				}
				turns[id[:2]]++
			}
			if !backlogged {
				continue
			}
			for a := range weights {
				for b := range weights {
					if diff := turns[a]/weights[a] - turns[b]/weights[b]; diff > 1+1e-9 || diff < -1-1e-9 {
						t.Fatalf("%s of weight %g has had %g turns, and %s of weight %g %g", a, weights[a], turns[a], b, weights[b], turns[b])
					}
				}
			}
		}
		left := rdb.Exists(context.Background(), k.turns(), k.past(), k.parked()).Val()
		if left != 0 {
			t.Fatalf("%d keys are left", left)
		}
	})
}

// A ticket that was taken and not issued, because the process died, is parked again by
// the watchdog's next look.
func TestALostTurnComesAgain(t *testing.T) {
	rdb := redistest.Embedded(t)
	c, k := NewClient(rdb), keysOf("local.high")
	parkTickets(t, c, "a", 1, "j1")
	if n, err := turnScript.Run(t.Context(), rdb, []string{k.turns(), k.past(), k.parked()}, k.line(""), 1).StringSlice(); len(n) != 1 || err != nil {
		t.Fatalf("take: %v, %v", n, err)
	}
	parkTickets(t, c, "a", 1, "j1")
	if n, err := c.takeTurns(t.Context(), "local.high", 5); n != 1 || err != nil {
		t.Errorf("got %d, %v, want 1", n, err)
	}
}

// A tenant that always has one ticket waiting gets no more than its share.
func TestATenantThatComesBackGetsItsShare(t *testing.T) {
	rdb := redistest.Embedded(t)
	c := NewClient(rdb)
	parkTickets(t, c, "big", 4, ids("big", 0, 400)...)
	small := 0
	parkTickets(t, c, "small", 1, "small-0")
	for range 200 {
		if _, err := c.takeTurns(t.Context(), "local.high", 1); err != nil {
			t.Fatal(err)
		}
		for _, id := range pendingIDs(t, rdb) {
			if id[:5] == "small" {
				small++
				parkTickets(t, c, "small", 1, fmt.Sprint("small-", small))
			}
		}
	}
	if small < 38 || small > 42 {
		t.Errorf("it had %d of 200 turns, want 40: its weight is 1 beside 4", small)
	}
}

func TestServersTakeTicketsInTurn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		c := NewClient(rdb)
		parkTickets(t, c, "heavy", 1, ids("heavy", 0, 50)...)
		parkTickets(t, c, "light", 1, "light")
		order := make(chan string, 51)
		serve(t, rdb, highQueue, Handlers{Ticket: func(_ context.Context, got Ticket) error {
			if got.Complexity = tasks.High; got.Agent != "" {
				t.Errorf("ticket: %+v", got)
			}
			order <- got.JobID
			return nil
		}})
		at := -1
		for i := range 51 {
			if receive(t, order) == "light" {
				at = i
			}
		}
		if at < 0 || at > 2 {
			t.Errorf("the light tenant's ticket came at place %d", at)
		}
		awaitDepth(t, rdb, Depth{Queue: "local.high"})
	})
}

// In a cluster a server waits for, and takes, what is parked and what falls due.
func TestTurnsInACluster(t *testing.T) {
	rdb := redistest.StartCluster(t).Client(t)
	c := NewClient(rdb)
	arrived := make(chan string, 3)
	upkeep, err := Maintain(rdb, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer upkeep.Shutdown()
	s, err := Serve(rdb, ServerConfig{Queues: Names(tasks.Local), Slots: 1}, Handlers{Ticket: func(_ context.Context, got Ticket) error {
		arrived <- got.JobID
		return nil
	}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	err = c.EnqueueAll(t.Context(),
		Due{Ticket: highTicket("parked"), Turn: &Turn{Tenant: "acme"}},
		Due{Ticket: highTicket("later"), At: time.Now().Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"parked", "later"} {
		if got := receive(t, arrived); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
