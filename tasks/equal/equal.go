// Package equal decides which jobs are equal, so that the result of one answers the
// others: the digest of a job and its input, and whether a job takes part in that.
package equal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// leaderSlack is how long after its deadline a job may still complete its flight.
const leaderSlack = time.Minute

// Digest names what makes jobs equal, so that one's result answers the other: the
// tenant, the agent and its version, the language, the privacy, the class of
// models, the arm of an experiment, and the input by its values: neither order nor
// white space counts, nor how a number or a letter is written.
func Digest(j *tasks.Job, input json.RawMessage) (string, error) {
	_, decoded, err := Canonical(input)
	if err != nil {
		return "", fmt.Errorf("digest the input: %w", err)
	}
	return DigestDecoded(j, decoded)
}

// DigestDecoded is Digest for a decoded input.
func DigestDecoded(j *tasks.Job, input any) (string, error) {
	same, err := json.Marshal(equalForm(input))
	if err != nil {
		return "", fmt.Errorf("digest the input: %w", err)
	}
	return Fingerprint(same, []any{j.Tenant, j.Agent, j.AgentVersion, j.Language, j.Privacy, j.Complexity, j.Candidates, j.Variant})
}

// Fingerprint is the SHA-256 of the JSON of what surrounds an input, and of the
// input. A line end, which the former cannot hold, stands between them.
func Fingerprint(input CanonicalJSON, around any) (string, error) {
	body, err := json.Marshal(around)
	if err != nil {
		return "", fmt.Errorf("fingerprint what is around an input: %w", err)
	}
	digest := sha256.Sum256(append(append(body, '\n'), input...))
	return hex.EncodeToString(digest[:]), nil
}

// CanonicalJSON is JSON with sorted members, no white space, and numbers as they
// were.
type CanonicalJSON []byte

// Canonical returns a text in that form, and decoded.
func Canonical(text []byte) (same CanonicalJSON, decoded any, err error) {
	if decoded, err = agents.Decode(text); err != nil {
		return nil, nil, err
	}
	same, err = json.Marshal(decoded)
	return same, decoded, err
}

// LeaderLifetime is how long a job may lead the flight of its equals: until a little
// after its deadline.
func LeaderLifetime(j *tasks.Job, now time.Time) time.Duration {
	return max(j.Deadline.Sub(now), 0) + leaderSlack
}

// MayShare reports whether a job takes part in sharing results.
func MayShare(agent *agents.Agent, j *tasks.Job) bool {
	return agent.CacheTTL > 0 && j.Cache != tasks.CacheBypassed
}
