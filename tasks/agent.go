package tasks

// Agent describes a kind of analysis: what it needs and what its users expect.
// It is the definition that agent.yaml holds; the compiled schemas, prompt and
// scorecard live in package agents.
type Agent struct {
	ID          string              `json:"id" yaml:"id"`           // "A02": stable, upper case
	Version     string              `json:"version" yaml:"-"`       // digest of the whole folder, hex
	Title       map[Language]string `json:"title" yaml:"title"`     // by language
	Summary     map[Language]string `json:"summary" yaml:"summary"` // one sentence, by language
	Complexity  Complexity          `json:"complexity" yaml:"complexity"`
	Lanes       []Lane              `json:"lanes" yaml:"lanes"`                         // where it may run, first lane first; Scorecard is implied
	Models      Models              `json:"models" yaml:"models"`                       // that may answer
	Target      Duration            `json:"target_seconds" yaml:"target"`               // the time in which a user expects the answer
	Deadline    Duration            `json:"deadline_seconds" yaml:"deadline"`           // the time after which an answer is worthless
	CacheTTL    Duration            `json:"cache_ttl_seconds" yaml:"cache_ttl"`         // 0: results are not shared
	Privacy     Privacy             `json:"privacy" yaml:"privacy"`                     // the least a job of this agent must ask for
	OutputLimit int                 `json:"max_output_tokens" yaml:"max_output_tokens"` // tokens, thinking not counted
	MinOutput   int                 `json:"min_output_tokens" yaml:"min_output_tokens"` // tokens below which an answer is of no use; default a quarter of max_output_tokens
	NeverSend   []string            `json:"never_send,omitempty" yaml:"never_send"`     // JSON Pointers of input fields that never reach the cloud; * matches any member or index
	Variants    []Variant           `json:"variants,omitempty" yaml:"variants"`         // an experiment; empty: none
	Temperature float64             `json:"temperature" yaml:"temperature"`             // where the model lets us choose
}

// Models names the models that suit an agent.
type Models struct {
	Local []string          `json:"local" yaml:"local"`                     // Ollama tags, best first
	Cloud map[string]string `json:"cloud,omitempty" yaml:"cloud,omitempty"` // provider → model, where the provider's default does not suit
	Order []string          `json:"order,omitempty" yaml:"order,omitempty"` // cloud providers in the order in which they are asked; empty: by complexity
}

// Variant is one arm of an agent's experiment. Jobs are dealt to the arms by
// weight, each job always to the same.
type Variant struct {
	Name       string   `json:"name" yaml:"name"`
	Weight     int      `json:"weight" yaml:"weight"`
	Candidates []string `json:"candidates,omitempty" yaml:"candidates"` // instead of the agent's, as in Submission
	Prompt     string   `json:"prompt,omitempty" yaml:"prompt"`         // a file of the folder, instead of prompt.md
}
