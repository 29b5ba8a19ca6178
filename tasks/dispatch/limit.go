package dispatch

import (
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// Limit is what an account may use. A zero field bounds nothing.
type Limit struct {
	Account   string // a name for it: candidates of one account share its limits
	PerMinute int    // requests
	AtOnce    int    // calls
}

// limit sums up the limits of a job's candidates on a lane: while one of them bounds
// nothing, the lane does not either.
func (v View) limit(lane tasks.Lane, j *tasks.Job) (sum Limit) {
	agent, ok := v.agents.Lookup(j.Agent)
	if v.limitOf == nil || !ok {
		return Limit{}
	}
	perMinute, atOnce := true, true
	seen := map[string]bool{}
	for _, name := range agents.Order(v.Live.Reach[lane], &agent.Agent, j, v.order) {
		l := v.limitOf(name)
		perMinute, atOnce = perMinute && l.PerMinute > 0, atOnce && l.AtOnce > 0
		if !seen[l.Account] {
			seen[l.Account] = true
			sum.PerMinute, sum.AtOnce = sum.PerMinute+l.PerMinute, sum.AtOnce+l.AtOnce
		}
	}
	if !perMinute {
		sum.PerMinute = 0
	}
	if !atOnce {
		sum.AtOnce = 0
	}
	return sum
}

// turn is how long it takes until a job may be sent with so many before it.
func (l Limit) turn(ahead int) time.Duration {
	if l.PerMinute == 0 {
		return 0
	}
	return time.Duration(ahead) * time.Minute / time.Duration(l.PerMinute)
}

// slots is how many of a lane's slots can be in use at once.
func (l Limit) slots(n int) int {
	if l.AtOnce == 0 {
		return n
	}
	return min(n, l.AtOnce)
}
