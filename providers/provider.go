// Package providers is the vocabulary of what answers: what a provider is
// asked, what it answers, how it fails, and the router that walks a list of
// candidates until one has given a valid answer.
//
// The dialects live in packages below this one, one folder each. What wraps a
// provider (time limits, slots, …) is a function from Provider to Provider.
package providers

import (
	"context"
	"encoding/json"
	"time"
)

// Provider generates one answer for one request on one model.
//
// Implementations are safe for concurrent use. Generate owns neither the
// request nor what it points to, and must not keep it. It returns when the
// answer is complete, calls onDelta (never nil) from its own goroutine while
// the answer grows, and stops its outbound call when ctx ends. Every error is
// an *Error with a class, or wraps ctx's cause; with an error there may be a
// Response that holds what is known of the failed call, such as its usage. It
// never retries: the router owns the one retry loop. Package providertest holds
// the conformance test.
type Provider interface {
	// Name is the provider's stable name, the part of a candidate before the
	// slash.
	Name() string
	// Models asks the provider which models it can serve now.
	Models(ctx context.Context) ([]Model, error)
	Generate(ctx context.Context, req *Request, onDelta func(Delta)) (*Response, error)
}

// Model is one model that a provider can serve.
type Model struct {
	Name       string // as the provider's API spells it, e.g. "qwen2.5:7b"
	Family     string // e.g. "qwen2"; "" if the provider does not report it
	Parameters int64  // number of weights; 0 if the provider does not report it
	Embedding  bool   // makes vectors, not text
}

// Request is what a candidate is asked.
type Request struct {
	Model       string
	Messages    []Message
	Schema      json.RawMessage // JSON Schema of the answer; nil: free text
	SchemaName  string          // a name for it, for dialects that want one
	OutputLimit int             // tokens the answer may take, thinking not counted; 0: the provider's default
	TotalLimit  int             // tokens that thinking and answer may take together; 0: OutputLimit and what the provider allows for thinking
	Temperature float64

	// Patience is how long the answer may take to begin, for wrappers that limit it; 0:
	// no limit.
	Patience time.Duration

	// What is asked about, for providers that need no prompt (the scorecard).
	Agent    string
	Input    json.RawMessage
	Language string
}

// TokenLimit is how many tokens a model may write that is allowed so many for
// thinking in addition to its answer; 0: not bounded.
func (r *Request) TokenLimit(thinking int) int {
	limit := r.OutputLimit
	if limit > 0 {
		limit += thinking
	}
	if r.TotalLimit > 0 && (limit == 0 || limit > r.TotalLimit) {
		limit = r.TotalLimit
	}
	return limit
}

// Message is one turn of the conversation.
type Message struct {
	Role    Role
	Content string
}

// Role is the author of a message.
type Role string

// The roles.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
)

// Delta is a piece of an answer that is still growing.
type Delta struct {
	Text      string
	Reasoning string // thinking, kept apart from the answer
}

// Response is a complete answer.
type Response struct {
	Text       string // without reasoning; the deltas' texts, joined
	Reasoning  string
	Usage      Usage
	Truncated  bool          // the output limit cut it off
	FirstToken time.Duration // from call to first delta; 0 when not streamed
	Load       time.Duration // time the server took to load the model; 0 if it does not report it
	Prefill    time.Duration // time it took to read the prompt; 0 if it does not report it
	Decode     time.Duration // time it took to write the answer; 0 if it does not report it
}

// Usage counts tokens as the server reported them.
type Usage struct {
	Input        int // all prompt tokens, cached and written ones included
	Cached       int // prompt tokens served from a cache
	CacheWritten int // prompt tokens written to a cache, where that has a price of its own
	Output       int // all generated tokens, reasoning included
	Reasoning    int // generated tokens that were thinking
}

// Candidate is one provider and model that may answer.
type Candidate struct {
	Provider Provider
	Model    string
	Context  int    // tokens of prompt and answer together; 0: not known
	Thinking int    // tokens that it may write for thinking in addition to the answer
	Tariff   Tariff // nil: costs nothing, or what it costs is not known
}

// String returns the candidate as jobs show it: provider/model.
func (c Candidate) String() string { return c.Provider.Name() + "/" + c.Model }
