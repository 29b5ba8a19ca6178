// Package mockllm is a model server without a model. It speaks every dialect
// that Spillway calls, each with the error bodies of the real service, and
// answers with JSON that is valid for the schema it is given, made from a seed.
//
// Below /control it is told how to behave, by provider: how slow to be, which
// share of calls to fail and in which way, which limits to enforce, which values
// must never arrive. In Go the same is said by the methods of Server. Nothing is
// left to chance: two servers with one seed do the same in the nth call for a
// provider, and give the same answer to the same request.
package mockllm

import (
	"io"
	"net/http"
	"time"
)

// Config is what a server needs; the zero value will do.
type Config struct {
	// Seed decides everything that chance would.
	Seed uint64
	// Direct decides what happens in a call, instead of the behavior of its
	// provider, if it reports true. It must be safe for concurrent use.
	Direct func(Ask) (Act, bool)
	// OnCall is told of every call that has ended, possibly concurrently.
	OnCall func(Ask, Call)
}

// Ask is what a call asks for.
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

// New returns a server on which every provider is well.
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

// paths is where each provider's API begins.
var paths = map[string]string{
	Ollama: "/ollama", OpenAI: "/openai/v1", DeepSeek: "/deepseek", Kimi: "/kimi/v1",
	MiniMax: "/minimax/v1", DashScope: "/dashscope/compatible-mode/v1", Coze: "/coze",
}

// Providers lists the providers, in the order in which they are shown.
func Providers() []string {
	return []string{Ollama, DeepSeek, Kimi, MiniMax, OpenAI, DashScope, Coze}
}

// Path returns where a provider's API begins, to be added to the server's own
// address; "" for a provider that is not known.
func Path(provider string) string { return paths[provider] }

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 20

// serve answers one call for an answer.
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

// ended counts a call, and tells of it.
func (s *Server) ended(a Ask, c Call) {
	s.calls.add(c)
	if s.config.OnCall != nil {
		s.config.OnCall(a, c)
	}
}
