package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/topcentral/spillway/tasks"
)

// record is the spec field: a job, and what its callers do not see.
type record struct {
	*tasks.Job
	tasks.Trace
}

// spec is what encodeSpec writes of a record. A script reads the agent, which therefore
// stands before what a caller chooses.
type spec struct {
	ID             string            `json:"id"`
	Tenant         string            `json:"tenant"`
	Agent          string            `json:"agent"`
	AgentVersion   string            `json:"agent_version,omitzero"`
	Complexity     tasks.Complexity  `json:"complexity,omitzero"`
	Language       tasks.Language    `json:"language,omitzero"`
	Privacy        tasks.Privacy     `json:"privacy,omitzero"`
	OnExhausted    tasks.OnExhausted `json:"on_exhausted,omitzero"`
	Lanes          []tasks.Lane      `json:"lanes,omitzero"`
	Priority       tasks.Priority    `json:"priority,omitzero"`
	Candidates     []string          `json:"candidates,omitzero"`
	Cache          tasks.CacheUse    `json:"cache,omitzero"`
	Flexible       bool              `json:"flexible,omitzero"`
	Variant        string            `json:"variant,omitzero"`
	Plan           *tasks.Plan       `json:"plan,omitzero"`
	RerunOf        string            `json:"rerun_of,omitzero"`
	CallbackURL    string            `json:"callback_url,omitzero"`
	CallbackEvents []tasks.EventType `json:"callback_events,omitzero"`
	Metadata       map[string]string `json:"metadata,omitzero"`

	tasks.Trace
}

// encodeSpec returns the part of a job that never changes, as the record's
// spec field holds it.
func encodeSpec(j *tasks.Job) ([]byte, error) {
	b, err := json.Marshal(&spec{
		ID: j.ID, Tenant: j.Tenant, Agent: j.Agent, AgentVersion: j.AgentVersion,
		Complexity: j.Complexity, Language: j.Language, Privacy: j.Privacy,
		OnExhausted: j.OnExhausted, Lanes: j.Lanes, Priority: j.Priority, Candidates: j.Candidates, Cache: j.Cache,
		Flexible: j.Flexible, Variant: j.Variant, Plan: j.Plan, RerunOf: j.RerunOf,
		CallbackURL: j.CallbackURL, CallbackEvents: j.CallbackEvents, Metadata: j.Metadata, Trace: j.Trace,
	})
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	return b, nil
}

// decode builds a job from its hash. Fields that a newer version may have
// added are passed over. jsonv1 means the same as encoding/json, in half the time.
func decode(h map[string]string) (*tasks.Job, error) {
	var j tasks.Job
	kept := record{Job: &j}
	if err := jsonv1.Unmarshal([]byte(h["spec"]), &kept); err != nil {
		return nil, fmt.Errorf("decode job: %w", err)
	}
	j.Trace, j.TraceID = kept.Trace, kept.Trace.ID()
	j.State = tasks.State(h["state"])
	j.Lane = tasks.Lane(h["lane"])
	j.Attempt, _ = strconv.Atoi(h["attempt"])
	j.Crashes, _ = strconv.Atoi(h["crashes"])
	j.Sequence, _ = strconv.ParseInt(h["seq"], 10, 64)
	j.Degraded = h["degraded"] == "1"
	j.AnsweredBy, j.AnsweredAs = tasks.AnsweredBy(h["answered_by"]), h["answered_as"]
	cost, _ := strconv.ParseInt(h["cost"], 10, 64)
	saved, _ := strconv.ParseInt(h["saved"], 10, 64)
	j.Cost, j.Saved = tasks.Money(cost), tasks.Money(saved)
	j.CreatedAt, j.TargetAt, j.Deadline = millis(h["created"]), millis(h["target"]), millis(h["deadline"])
	j.RunAt, j.SpillAt, j.StartedAt = millis(h["run_at"]), millis(h["spill"]), millis(h["started"])
	j.EndedAt, j.ExpiresAt = millis(h["ended"]), millis(h["expires"])
	if queue, rest, ok := strings.Cut(h["place"], ":"); ok {
		since, _, _ := strings.Cut(rest, ":")
		j.Waiting = &tasks.Waiting{Queue: queue, Since: millis(since)}
	}
	if ms, err := strconv.ParseInt(h["retention"], 10, 64); err == nil {
		j.Retention = tasks.Duration(time.Duration(ms) * time.Millisecond)
	}
	if s := h["exhausted"]; s != "" {
		for lane := range strings.SplitSeq(s, ",") {
			j.Exhausted = append(j.Exhausted, tasks.Lane(lane))
		}
	}
	if err := jsonv1.Unmarshal([]byte("["+h["attempts"]+"]"), &j.Attempts); err != nil {
		return nil, fmt.Errorf("decode attempts of %s: %w", j.ID, err)
	}
	if s := h["plan"]; s != "" {
		if err := jsonv1.Unmarshal([]byte(s), &j.Replanned); err != nil {
			return nil, fmt.Errorf("decode plan of %s: %w", j.ID, err)
		}
	}
	if s := h["error"]; s != "" {
		if err := jsonv1.Unmarshal([]byte(s), &j.Error); err != nil {
			return nil, fmt.Errorf("decode error of %s: %w", j.ID, err)
		}
	}
	return &j, nil
}

// encodeAttempts returns attempt records as the scripts append them: JSON
// objects separated by commas.
func encodeAttempts(attempts []tasks.Attempt) (string, error) {
	if len(attempts) == 0 {
		return "", nil
	}
	b, err := json.Marshal(attempts)
	if err != nil {
		return "", fmt.Errorf("encode attempts: %w", err)
	}
	return string(b[1 : len(b)-1]), nil
}

// millis reads a Unix time in milliseconds; "" is the zero time.
func millis(s string) time.Time {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
