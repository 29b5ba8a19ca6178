package metrics

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/tasks/store"
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// The metrics. Their names are stable, and all labels are closed sets.
var (
	redisUp = describe("spillway_redis_up", "Whether Redis answered when it was last asked for metrics: 1 or 0.")

	jobs        = describe("spillway_jobs", "Jobs that have not ended, by state.", "state")
	jobsEntered = describe("spillway_jobs_entered_total", "How often jobs have entered a state.", "state")
	jobsGiven   = describe("spillway_jobs_given_total", "Jobs that got a result without a call of their own, by where it came from.", "by")
	degraded    = describe("spillway_jobs_degraded_total", "Jobs that the scorecard answered as the last resort.")
	savedCost   = describe("spillway_saved_dollars_total", "What calls would have cost that were needless, because an equal job had a result.")
	savedTokens = describe("spillway_saved_tokens_total", "Tokens of those calls.")

	queueJobs   = describe("spillway_queue_jobs", "Jobs that wait in a queue, by the lane that they wait for first.", "queue")
	queueOldest = describe("spillway_queue_oldest_seconds", "How long the oldest of these jobs has waited; 0 when none waits.", "queue")
	agentJobs   = describe("spillway_agent_jobs_waiting", "Jobs of an agent that wait for a lane first; the agent other is the sum of those that are not installed here.", "lane", "agent")
	agentOldest = describe("spillway_agent_oldest_seconds", "How long the oldest of these jobs has waited; 0 when none waits. It has no series for other.", "lane", "agent")

	workers = describe("spillway_workers", "Live workers that serve a lane.", "lane")
	slots   = describe("spillway_worker_slots", "Jobs that the live workers of a lane can run at once.", "lane")
	running = describe("spillway_worker_running", "Jobs that the live workers of a lane run.", "lane")

	agentWorkers = describe("spillway_agent_workers", "Live workers that have an agent.", "agent")
	agentFaults  = describe("spillway_agent_faults", "Agents' folders that live workers refuse, summed over the workers.")
	leftAlone    = describe("spillway_model_left_alone", "Workers that leave a model alone, since it failed or asked for a pause, by the class of its last failure.", "gen_ai_provider_name", "gen_ai_request_model", "reason")

	// As the exporter of asynq names them, so that its dashboards can be used. Two
	// of these names end as those of counters do, and are of gauges.
	queueTasks     = describe("asynq_tasks_enqueued_total", "Tasks that are in a queue, by state.", "queue", "state")
	queueSize      = describe("asynq_queue_size", "Tasks that are in a queue.", "queue")
	queueLatency   = describe("asynq_queue_latency_seconds", "How long the oldest pending task of a queue has waited.", "queue")
	queueProcessed = describe("asynq_tasks_processed_total", "Tries of tasks of a queue, failed ones included.", "queue")
	queueFailed    = describe("asynq_tasks_failed_total", "Tries of tasks of a queue that failed.", "queue")
	queuePaused    = describe("asynq_queue_paused_total", "Whether a queue is paused: 1 or 0.", "queue")
)

// Describe sends all descriptors.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		redisUp, jobs, jobsEntered, jobsGiven, degraded, savedCost, savedTokens, workers, slots, running, agentWorkers, agentFaults, leftAlone,
		queueJobs, queueOldest, agentJobs, agentOldest,
		queueTasks, queueSize, queueLatency, queueProcessed, queueFailed, queuePaused,
	} {
		to <- d
	}
}

// sink is where values go.
type sink chan<- prometheus.Metric

func (to sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (to sink) counter(d *prometheus.Desc, v int64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

// Collect sends what the last read of Redis has found.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	to, seen := sink(metrics), c.last()
	if seen == nil {
		to.gauge(redisUp, 0)
		return
	}
	to.gauge(redisUp, 1)
	to.jobs(seen.totals)
	to.lanes(seen.workers)
	to.agents(seen.workers)
	to.circuits(seen.workers)
	to.waiting(seen.queued, seen.byAgent)
	for _, q := range seen.queues {
		to.queue(q)
	}
}

func (to sink) jobs(t *store.Totals) {
	for _, state := range tasks.States() {
		if !state.Terminal() {
			to.gauge(jobs, float64(t.Now[state]), string(state))
		}
		to.counter(jobsEntered, t.Entered[state], string(state))
	}
	for _, by := range []tasks.AnsweredBy{tasks.ByCache, tasks.ByFastPath} {
		to.counter(jobsGiven, t.Given[by], string(by))
	}
	to.counter(degraded, t.Degraded)
	to <- prometheus.MustNewConstMetric(savedCost, prometheus.CounterValue, float64(t.SavedCost)/float64(tasks.Dollar))
	to.counter(savedTokens, t.SavedTokens)
}

// lanes counts the workers that serve each lane. Workers that leave take no more jobs.
func (to sink) lanes(alive []tasks.Worker) {
	alive = slices.DeleteFunc(slices.Clone(alive), func(w tasks.Worker) bool { return w.Leaving })
	for _, lane := range tasks.Lanes() {
		var count, room, busy int
		for _, w := range alive {
			for _, s := range w.Serves {
				if s.Lane == lane {
					count++
					room += s.Slots
					busy += s.Running
				}
			}
		}
		to.gauge(workers, float64(count), string(lane))
		to.gauge(slots, float64(room), string(lane))
		to.gauge(running, float64(busy), string(lane))
	}
}

// circuits counts the workers that leave a model alone.
func (to sink) circuits(alive []tasks.Worker) {
	type labels struct{ provider, model, reason string }
	count := map[labels]int{}
	for _, w := range alive {
		for _, c := range w.Circuits {
			count[labels{c.Provider, c.Model, c.Reason}]++
		}
	}
	for l, n := range count {
		to.gauge(leftAlone, float64(n), l.provider, l.model, l.reason)
	}
}

func (to sink) waiting(queued map[string]store.Queued, byAgent map[store.AgentQueue]store.Queued) {
	for q, n := range queued {
		to.gauge(queueJobs, float64(n.Jobs), q)
		to.gauge(queueOldest, n.Oldest.Seconds(), q)
	}
	for k, n := range byAgent {
		to.gauge(agentJobs, float64(n.Jobs), string(k.Lane), cmp.Or(k.Agent, "other"))
		if k.Agent != "" {
			to.gauge(agentOldest, n.Oldest.Seconds(), string(k.Lane), k.Agent)
		}
	}
}

func (to sink) queue(q queue.Census) {
	size := int64(0)
	for i, state := range queue.TaskStates() {
		to.gauge(queueTasks, float64(q.States[i]), q.Queue, state)
		size += q.States[i]
	}
	to.gauge(queueSize, float64(size), q.Queue)
	to.gauge(queueLatency, q.Oldest.Seconds(), q.Queue)
	to.counter(queueProcessed, q.Processed, q.Queue)
	to.counter(queueFailed, q.Failed, q.Queue)
	paused := 0.0
	if q.Paused {
		paused = 1
	}
	to.gauge(queuePaused, paused, q.Queue)
}

// agents counts the workers that have each agent. Workers that leave take no more jobs.
func (to sink) agents(alive []tasks.Worker) {
	have, faults := map[string]int{}, 0
	for _, w := range alive {
		if w.Leaving {
			continue
		}
		faults += len(w.AgentFaults)
		for id := range w.Agents {
			have[id]++
		}
	}
	for id, n := range have {
		to.gauge(agentWorkers, float64(n), id)
	}
	to.gauge(agentFaults, float64(faults))
}
