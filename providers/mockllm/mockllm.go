// Package mockllm is a model server without a model. It speaks every dialect
// that Spillway calls, each with the error bodies of the real service, and
// answers with JSON that is valid for the schema it is given, made from a seed.
//
// Its behavior is set by provider, below /control or by the methods of Server: how
// slow it is, which share of calls fails and how, which limits apply, which values
// must never arrive. It is deterministic: two servers with the same seed do the
// same in the nth call for a provider, and give the same answer to the same
// request.
package mockllm

import (
	"io"
	"net/http"
	"time"
)

// Config configures a server. The zero value is usable.
type Config struct {
	// Seed is the seed of all random choices.
	Seed uint64
	// Direct decides what happens in a call, instead of the behavior of its
	// provider, if it reports true. It must be safe for concurrent use.
	Direct func(Ask) (Act, bool)
	// OnCall is called when a call has ended, possibly concurrently.
	OnCall func(Ask, Call)
}

// Ask describes the request of a call.
type Ask struct {
	Provider string
	Model    string
	Prompt   string // every message, joined by line ends
}

// Act is what the server does in one call.
type Act struct {
	Fault Fault
	Wait  time.Duration // before the first byte
	Takes time.Duration // from the first piece of the answer to its end
}

// Server is the model server, an [http.Handler]. Its methods are safe for
// concurrent use.
type Server struct {
	config   Config
	mux      *http.ServeMux
	services map[string]*service
	clock    clock
	tripwire tripwire
	calls    callLog
	schemas  schemas
}

// New returns a server on which every provider answers all calls.
func New(c Config) *Server {
	s := &Server{config: c, mux: http.NewServeMux(), services: map[string]*service{}}
	for _, name := range Providers() {
		s.services[name] = newService(name)
	}
	s.ollama(s.services[Ollama])
	for name, f := range variants() {
		f.models = modelsOf(name)
		s.openAILike(s.services[name], f)
	}
	s.minimaxNative(s.services[MiniMax])
	s.coze(s.services[Coze])
	s.control()
	return s
}

// ServeHTTP answers a call, or a request to the control plane.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// The providers.
const (
	Ollama    = "ollama"
	OpenAI    = "openai"
	DeepSeek  = "deepseek"
	Kimi      = "kimi"
	MiniMax   = "minimax"
	DashScope = "dashscope"
	Coze      = "coze"
)

// paths are the paths of the providers' APIs.
var paths = map[string]string{
	Ollama: "/ollama", OpenAI: "/openai/v1", DeepSeek: "/deepseek", Kimi: "/kimi/v1",
	MiniMax: "/minimax/v1", DashScope: "/dashscope/compatible-mode/v1", Coze: "/coze",
}

// Providers lists the providers, in display order.
func Providers() []string {
	return []string{Ollama, DeepSeek, Kimi, MiniMax, OpenAI, DashScope, Coze}
}

// Path returns the path of a provider's API, to be appended to the server's
// address; "" for an unknown provider.
func Path(provider string) string { return paths[provider] }

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 20

// serve handles requests for an answer.
func (s *Server) serve(svc *service, d dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		a, wrong := d.read(r, body)
		a.Provider, a.body = svc.name, body
		if err != nil {
			wrong = &refusal{fault: BadRequest, message: "the body cannot be read"}
		}
		c := &Call{Provider: svc.name, Model: a.Model, Start: start, Input: a.input}
		defer func() {
			c.End, c.Left = time.Now(), r.Context().Err() != nil
			s.ended(a.Ask, *c)
		}()
		if s.tripwire.check(svc.name, a.Model, r.URL.String(), body) {
			c.Outcome = Tripped
			d.refuse(w, a, refusal{fault: BadRequest, message: "tripwire: a denied value has arrived"})
			return
		}
		s.answer(w, r, svc, d, a, wrong, c)
	}
}

// ended counts a call, and reports it to OnCall.
func (s *Server) ended(a Ask, c Call) {
	s.calls.add(c)
	if s.config.OnCall != nil {
		s.config.OnCall(a, c)
	}
}
